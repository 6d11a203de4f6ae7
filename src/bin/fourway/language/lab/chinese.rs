//! The sentences of the lab in Chinese.

use std::time::Duration;

use super::sentences::Sentences;
use crate::lab::note::{Note, Title};

pub static SENTENCES: Sentences = Sentences {
    heading: ["毫秒", "客户端", "报文段", "服务器", "fourway"],
    plain_server: "普通服务器",
    legend: &[
        "每张时序图都是本机上的一条真实连接，时间自上而下。大写的是内核报告的状态：│ 表示没有变化，┊ 表示只剩内核在管。\
         小写的是系统调用和它的返回值，左边是客户端的，右边是服务器的；→ 后面是服务器程序自己的新状态。",
        "─▶ 是由连接自己（TCP_INFO）数出的报文段；╌▶ 是由整台机器的计数器（/proc/net/snmp）数出的，因为处于 TIME_WAIT 的\
         套接字不再计数。↻ 表示重传。×3 表示三个报文段或三次调用。看不到的一律写作 ?。",
    ],
    unseen: "这个系统不像 Linux 那样报告连接的状态和报文段，所以它们写作 ?，只能看到系统调用和 fourway 自己的状态。",
    failed: "无法演示",
    needs_loopback: "。演示需要 127.0.0.0/8 的地址，并且环回接口已经启用",
    title,
    note,
    bytes,
    within,
};

fn title(title: Title) -> &'static str {
    match title {
        Title::Open => "三次握手建立连接",
        Title::OpenDeferred => "还是三次握手，让 SYN_RECV 停留片刻",
        Title::ServerFirst => "服务器先关闭，TIME_WAIT 留在服务器",
        Title::ClientFirst => "客户端先关闭，TIME_WAIT 留在客户端",
        Title::Rst => "服务器发 RST，谁也不留 TIME_WAIT",
        Title::HalfClose => "半关闭：客户端先发 FIN，照样收到响应",
        Title::LastAck => "半关闭之后，最后一个 FIN 排在响应后面：LAST_ACK",
        Title::Closing => "两端同时关闭：CLOSING",
        Title::PlainClose => "还有数据没读就 close，响应丢了",
        Title::LingeringClose => "关闭时多等一会儿，响应保住了",
        Title::SlowReader => "客户端不读，服务器就发不动",
        Title::Backlog => "全连接队列已满，connect 没有回音",
    }
}

fn note(note: Note) -> String {
    match note {
        Note::OpenBeforeAccept { queued } => {
            format!(
                "服务器还没有调用 accept，两端就已经建立了连接：三次握手由内核独自完成。全连接队列中有 {queued} 个客户端。"
            )
        }
        Note::Deferred => {
            "设置了 TCP_DEFER_ACCEPT，服务器一端要等数据到来才离开 SYN_RECV。平时 SYN_RECV 只从 SYN 持续到 ACK，一闪而过。"
                .into()
        }
        Note::OpenedBy { segments: Some(3) } => {
            "三个报文段：SYN、SYN+ACK、ACK。双方各自发出了初始序号，并且知道对方已经收到。".into()
        }
        Note::OpenedBy { segments } => format!("建立连接用了 {} 个报文段。", number(segments)),
        Note::FinRidesOnData => "FIN 搭在最后一段数据上一起发出。".into(),
        Note::FinWaits { unsent } => {
            format!("FIN 还在内核里排队，前面有 {} 字节没发出去。", unsent.saturating_sub(1))
        }
        Note::KernelGoesOn => "程序已经不管这条连接了，内核还要管到底。".into(),
        Note::DelayedAck { waited } => format!(
            "内核把 ACK 压了 {}，看有没有数据可以一起发。FIN_WAIT_1 等的就是这个 ACK，FIN_WAIT_2 等的是对方的 FIN。",
            time(waited)
        ),
        Note::HalfClosed => "半关闭：客户端不再发送，但仍然可以接收。".into(),
        Note::LastAck => "LAST_ACK：已经收到对方的 FIN，在等对方确认自己的 FIN。平时这个状态一闪而过。".into(),
        Note::Closing => {
            "CLOSING：收到了对方的 FIN，自己的 FIN 却还没有得到确认。两端都在不知情的情况下各自关闭了连接。".into()
        }
        Note::PeersFinRead => "读到 0 字节，就是读到了客户端的 FIN。".into(),
        Note::ResetByUnread { unread, thrown_away } => format!(
            "请求还有 {unread} 字节没读，所以 close 发出的是 RST 而不是 FIN。响应中还有 {thrown_away} 字节没来得及发送，全部作废。"
        ),
        Note::LingerZero => "SO_LINGER 设为 0 秒：关闭时会发 RST。".into(),
        Note::ResetIsFinal => "RST 不需要确认，两端立刻都没有了。".into(),
        Note::Discarded => "FIN 之后到来的数据，读出来丢掉，就不会引起 RST。".into(),
        Note::Arrived { bytes, of } if bytes == of => format!("客户端收到了响应的全部 {of} 字节。"),
        Note::Arrived { bytes, of } => format!("响应共 {of} 字节，客户端只收到 {bytes} 字节。"),
        Note::ZeroWindow { window, unsent, unread } => format!(
            "背压：客户端有 {unread} 字节没读，接收窗口是 {window}。服务器的内核里积压了 {unsent} 字节，其余的留在 fourway 里，\
             停在 Sending 状态。"
        ),
        Note::SentAgain => {
            "客户端的内核推迟了最后一个 ACK，服务器的内核担心最后一段丢了，就重发了一次。".into()
        }
        Note::Probe { after } => format!("过了 {}，内核发出窗口探测，看窗口是否还关着。", time(after)),
        Note::QueueFull { queued, backlog } => {
            format!("backlog 是 {backlog}，全连接队列里已经有 {queued} 个客户端。")
        }
        Note::SynDropped => "没有回音：内核丢弃了 SYN，客户端并不知道原因。".into(),
        Note::SynAgain { after } => {
            format!("服务器接受了前面的客户端。过了 {}，客户端的内核重发了 SYN。", time(after))
        }
        Note::ClosedBy { segments: Some(3), ack_rode: true } => {
            "四次挥手只用了三个报文段：ACK 搭在 FIN 上一起走了。".into()
        }
        Note::ClosedBy { segments: Some(4), .. } => "四次挥手，四个报文段：FIN、ACK、FIN、ACK。".into(),
        Note::ClosedBy { segments, .. } => format!("关闭连接用了 {} 个报文段。", number(segments)),
        Note::TimeWait { at_server, left } => {
            let who = if at_server { "服务器" } else { "客户端" };
            format!("{who}是主动关闭方，TIME_WAIT 留在它这里，还剩 {:.0} 秒。", left.as_secs_f64())
        }
        Note::BothTimeWait { left } => {
            format!("两端都是主动关闭方，所以两端都留有 TIME_WAIT，还剩 {:.0} 秒。", left.as_secs_f64())
        }
        Note::NoTimeWait => "两端都没有 TIME_WAIT。".into(),
        Note::NotSeen => "TIME_WAIT 在谁那里：?".into(),
    }
}

fn number(number: Option<u32>) -> String {
    number.map_or("?".into(), |number| number.to_string())
}

fn time(time: Duration) -> String {
    format!("{:.0} 毫秒", time.as_secs_f64() * 1000.0)
}

fn bytes(bytes: u64) -> String {
    format!("{bytes} 字节")
}

fn within(count: Option<u32>) -> String {
    format!(" ×{}", number(count))
}
