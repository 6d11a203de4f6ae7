
// --- What a step is and means, in words ---

const languages = JSON.parse(byId("sentences").textContent);

const fill = (sentence, values) => sentence.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? "?");

const FOR_EVER = 1e14;          // milliseconds: some thousand years are no limit

function wait(millis, words) {
  if (millis >= FOR_EVER) return words.no_limit;
  return time(millis * 1000).replace(/ 0 s$/, "");
}

// Returns the sentence that says what has happened.
function say(record, words) {
  const values = { ...record, c: record.connection ?? "?" };
  if (record.in_ms !== undefined) values.wait = wait(record.in_ms, words);
  if (record.kind === "closed") values.reason = record.why ?? record.reason;
  const name = nameOf(record);
  return fill(words[name] ?? words.other, values);
}

const DOES = { connects: "connects", sends: "sends", reads: "reads", "stops reading": "stops_reading", fin: "fin", closes: "closes", resets: "resets" };

function nameOf(record) {
  switch (record.kind) {
    case "turn": return record.step === "begins" ? "turn_begins" : "turn_ends";
    case "readiness": return record.listener === undefined ? "readiness" : "readiness_listener";
    case "call":
      if (record.connection === undefined) return record.error ? "call_listener_error" : "call_listener_done";
      if (record.error) return "call_error";
      if (record.bytes === undefined) return "call_done";
      return record.of === undefined ? "call_bytes" : "call_bytes_of";
    case "state": return "changes";
    case "response":
      if (record.later) return "later";
      if (record.dropped) return "dropped";
      if (record.why) return "refused";
      return record.method === undefined ? "response" : "responds_to";
    case "client": return DOES[record.does] ?? "client_does";
    case "kernel": return "kernel_does";
    case "host": return "host_does";
    case "stale": case "accepted": case "closed": case "armed": case "cancelled": case "fired": case "queued":
    case "dequeued": case "lent": case "returned": case "gap":
      return record.kind;
    default: return "other";
  }
}

// Returns the sentence that says what it means, or nothing.
function mean(record, words) {
  const name = meaningOf(record);
  return name ? fill(words[name], { ...record, wait: wait(record.timeout_ms ?? 0, words) }) : "";
}

function meaningOf(record) {
  switch (record.kind) {
    case "turn":
      if (record.step === "begins") return "mean_turn_begins";
      if (record.more) return "mean_turn_more";
      return record.timeout_ms === undefined ? "mean_turn_for_ever" : "mean_turn_sleeps";
    case "readiness": return record.listener === undefined ? "mean_edge" : "mean_edge_listener";
    case "call": return meaningOfCall(record);
    case "state":
      if (record.to === "Received") return "mean_received";
      return record.to === "Idle" ? "mean_idle" : "mean_why";
    case "closed": return record.peer_first ? "mean_closed_by_peer" : "mean_closed_by_server";
    case "response":
      return { later: "mean_later", dropped: "mean_dropped", refused: "mean_refused" }[nameOf(record)] ?? "mean_response";
    case "client":
      return { connects: "mean_connects", fin: "mean_fin", closes: "mean_closes", sends: "mean_sends", reads: "mean_reads", resets: "mean_resets", "stops reading": "mean_stops_reading" }[record.does];
    case "stale": case "accepted": case "armed": case "cancelled": case "fired": case "queued": case "dequeued":
    case "lent": case "returned":
      return "mean_" + record.kind;
    default: return null;
  }
}

function meaningOfCall({ call = "", error, bytes: count, of: asked }) {
  const wouldBlock = error === "WouldBlock";
  if (call.startsWith("accept")) return error ? (wouldBlock ? "mean_accept_would_block" : "mean_accept_error") : "mean_accept";
  if (call.startsWith("recv") || call === "read") {
    if (error) return wouldBlock ? "mean_recv_would_block" : "mean_broken";
    if (count === 0) return "mean_recv_end";
    return asked !== undefined && count < asked ? "mean_recv_short" : "mean_recv_full";
  }
  if (call.startsWith("send") || call.startsWith("write")) {
    if (error) return wouldBlock ? "mean_send_would_block" : "mean_broken";
    return asked !== undefined && count < asked ? "mean_send_short" : "mean_send_all";
  }
  if (call === "shutdown" && !error) return "mean_shutdown";
  return call === "register" ? "mean_register" : null;
}
