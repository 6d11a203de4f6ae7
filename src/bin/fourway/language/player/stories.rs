//! The recorded stories in Chinese, by their English titles.

/// A story's title in English, and its title and text in Chinese.
pub type Told = (&'static str, &'static str, &'static str);

pub const CHINESE: [Told; 16] = [
    (
        "A drain with a grace period",
        "限时的优雅退出",
        "宿主结束服务器时，一个客户端空闲，另一个请求只发了一半。空闲的连接立即关闭；另一个得到回答，响应里声明这是最后一个。",
    ),
    (
        "A newcomer evicts an idle connection",
        "新来者挤掉空闲连接",
        "第四个客户端到来时，三个槽位都在用。空闲最久的连接让位。",
    ),
    (
        "A client closes its half",
        "客户端的半关闭",
        "客户端发出请求和 FIN，然后继续读。事件带有 read-closed 提示，但只有 read 返回 0 才算数。客户端仍然收到完整的响应。",
    ),
    (
        "No descriptor is left, and accepting recovers",
        "描述符用尽，随后恢复 accept",
        "进程只能有两个套接字，却来了三个客户端。第三次 accept 以 EMFILE 失败。描述符重新可用时不会有任何事件来通知，所以每当有连接结束就重试，另外每 100 毫秒也重试一次。",
    ),
    (
        "Three requests in one segment",
        "一个报文段里的三个请求",
        "一次 read 读到三个请求，处理函数逐一回答，一次 write 发出全部响应。",
    ),
    (
        "Read until WouldBlock",
        "一直读到 WouldBlock",
        "在这个套接字上，短读说明不了什么（Unix 套接字也是如此）。所以每个请求之后服务器都再读一次，只有 WouldBlock 才会清除可读标记。可以和故事 request-whole 对照着看。",
    ),
    (
        "A request whole",
        "一个完整的请求",
        "accept 连接时请求已经到了，所以轮询器还不知道这个连接，请求就已经读完并回答了。这次读是短读，说明套接字已空，不必再读第二次。后来客户端关闭，由一个事件带来结束。",
    ),
    (
        "A reset in the middle of an answer",
        "响应发到一半时连接被重置",
        "客户端只取走一个大响应的一部分，然后重置连接。事件只是提示，真正结束连接的是失败的写。",
    ),
    (
        "A slow-loris client expires",
        "慢速攻击（slow-loris）的客户端超时",
        "客户端每四秒发来请求头的一个字节。Head 状态的时限从第一个字节开始计时，后来的字节不会重新计时。10 秒一到，客户端得到 408，服务器关闭连接。",
    ),
    (
        "A client that reads slowly",
        "读得很慢的客户端",
        "响应有 200,000 字节，客户端只容得下一部分：先是短写，再写就返回 WouldBlock。直到这时，轮询器才开始关注输出方向。此后每个边沿都说明又有空间了。",
    ),
    (
        "A request split at every byte",
        "逐字节到达的请求",
        "每个字节单独到达，各自产生一个边沿。其间连接在 Head 状态等待，占用一块 head 缓冲区。时限从第一个字节算起：偶尔来一个字节换不来更多时间。",
    ),
    (
        "A stale event for a slot that is in use again",
        "过时的事件遇上已被重用的槽位",
        "一个连接结束，槽位分给了下一个客户端。随后到来的事件本来属于前一个连接，它的令牌带着旧的代数，所以只被计数，然后忽略。",
    ),
    (
        "An event says readable, and nothing is there",
        "事件说可读，其实什么也没有",
        "没有人给这个套接字发过东西，轮询器却报告了它。服务器设上就绪位，让连接排队；轮到它时 recv 返回 WouldBlock，就绪位随之清除。状态和时限都不变，下一个请求照常回答。",
    ),
    (
        "A client uses up its quota",
        "用完配额的客户端",
        "这里一轮最多回答同一个客户端四个请求（默认是 32 个）。一个客户端一次发来十个，随后另一个客户端发来一个。答完四个，前者排到就绪队列的末尾，后者就轮到了。这样的一轮结束时还有活要干，所以宿主不睡。此后没有新的事件，十个请求也全部得到回答。",
    ),
    (
        "Two clients in one turn",
        "一轮循环里的两个客户端",
        "两个请求在两轮循环之间到达。事件只做标记；下一轮把两者放在同一个波次里：一起读，一起回答，一起发送。",
    ),
    (
        "A wave of sixteen",
        "十六个客户端的波次",
        "十六个客户端同时发来请求。先全部读，再全部回答，最后全部发送，这样每一步的代码都已在处理器的缓存里。",
    ),
];
