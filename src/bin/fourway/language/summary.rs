//! The names and sentences of the summary.

use fourway::Reason;

use super::Language;

pub struct Sentences {
    /// Takes a time.
    pub ended_after: fn(&str) -> String,
    pub connections: &'static str,
    pub requests: &'static str,
    pub steered: &'static str,
    pub steers_nothing: &'static str,
    pub delays: &'static str,
    pub latest: &'static str,
    pub late: &'static str,
    pub bytes_received: &'static str,
    pub bytes_sent: &'static str,
    pub closed_first_by_client: &'static str,
    pub closed_first_by_server: &'static str,
    pub closed_because: &'static str,
    /// In the order of [`Reason::ALL`].
    pub reasons: [&'static str; Reason::ALL.len()],
    pub errors: &'static str,
    /// Takes the number of a status.
    pub answered_with: fn(u16) -> String,
    pub not_sendable: &'static str,
    pub handler_panicked: &'static str,
    pub accept_failed: &'static str,
    pub accept_paused: &'static str,
    pub poller_refused: &'static str,
    pub all_in_use: &'static str,
    pub listen_overflows: &'static str,
    pub unknown: &'static str,
    pub busy: &'static str,
    pub busiest_second: &'static str,
    pub time_busy: &'static str,
    pub time_idle: &'static str,
    pub longest_turn: &'static str,
}

impl Sentences {
    pub fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &ENGLISH,
            Language::Chinese => &CHINESE,
        }
    }
}

static ENGLISH: Sentences = Sentences {
    ended_after: |time| format!("fourway: ended after {time}"),
    connections: "connections",
    requests: "requests",
    steered: "steered by their URLs",
    steers_nothing: "with a query that steers nothing",
    delays: "delays and gaps",
    latest: "latest",
    late: "more than 2 ms late",
    bytes_received: "bytes received",
    bytes_sent: "bytes sent",
    closed_first_by_client: "closed first by the client",
    closed_first_by_server: "closed first by the server",
    closed_because: "closed because",
    reasons: [
        "closed by the client",
        "closed by the client during a request",
        "reset by the client",
        "answered, then closed",
        "taken over by the host",
        "dropped without a response",
        "idle timeout",
        "write timeout",
        "stream cut off by the host",
        "stream timeout",
        "linger timeout",
        "linger limit",
        "evicted",
        "closed by the host",
        "shutdown",
        "handler panicked",
        "poller refused it",
    ],
    errors: "errors",
    answered_with: |status| format!("answered with {status}"),
    not_sendable: "of these, responses that could not be sent",
    handler_panicked: "handler panicked",
    accept_failed: "accept failed",
    accept_paused: "accepting paused, out of files or memory",
    poller_refused: "poller refused a connection",
    all_in_use: "all connections were in use",
    listen_overflows: "ListenOverflows of the kernel",
    unknown: "not known on this system",
    busy: "busy",
    busiest_second: "in the busiest second",
    time_busy: "time busy",
    time_idle: "time idle",
    longest_turn: "longest turn",
};

static CHINESE: Sentences = Sentences {
    ended_after: |time| format!("fourway：运行 {time} 后结束"),
    connections: "连接数",
    requests: "请求数",
    steered: "由 URL 指定响应方式",
    steers_nothing: "查询串没有起作用",
    delays: "延迟和间隔",
    latest: "最晚的迟了",
    late: "迟了 2 ms 以上",
    bytes_received: "收到的字节",
    bytes_sent: "发出的字节",
    closed_first_by_client: "客户端是主动关闭方",
    closed_first_by_server: "服务器是主动关闭方",
    closed_because: "关闭的原因",
    reasons: [
        "客户端关闭",
        "请求没发完客户端就关闭",
        "客户端发来 RST",
        "响应之后关闭",
        "由宿主程序接管",
        "不响应就关闭",
        "空闲超时",
        "写超时",
        "宿主程序中断了流式响应",
        "流式响应超时",
        "等待对方 FIN 超时",
        "等待对方 FIN 达到总时限",
        "为其他连接让位",
        "由宿主程序关闭",
        "服务器停止",
        "处理函数 panic",
        "轮询器不接受",
    ],
    errors: "错误",
    answered_with: |status| format!("以 {status} 响应"),
    not_sendable: "其中无法发送的响应",
    handler_panicked: "处理函数 panic",
    accept_failed: "accept 失败",
    accept_paused: "文件描述符或内存不足，暂停 accept",
    poller_refused: "轮询器不接受连接",
    all_in_use: "连接数达到上限",
    listen_overflows: "内核的 ListenOverflows",
    unknown: "本系统不提供",
    busy: "忙碌",
    busiest_second: "最忙的一秒",
    time_busy: "忙碌时间",
    time_idle: "空闲时间",
    longest_turn: "最长的一轮",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_english_reasons_are_those_of_the_library() {
        assert_eq!(ENGLISH.reasons, Reason::ALL.map(Reason::as_str));
    }

    #[test]
    fn each_reason_has_a_name_of_its_own_that_leaves_space_for_a_count() {
        for Sentences { reasons, .. } in [&ENGLISH, &CHINESE] {
            assert!(reasons.iter().all(|name| crate::lab::width::columns(name) <= 54), "{reasons:?}");
            let others = |at: usize| &reasons[at + 1..];
            assert!((0..reasons.len()).all(|at| !others(at).contains(&reasons[at])), "{reasons:?}");
        }
    }
}
