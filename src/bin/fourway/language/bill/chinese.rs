//! The sentences of the bills in Chinese.

use super::sentences::{Sentences, grouped};

pub static SENTENCES: Sentences = Sentences {
    bill: "账单",
    held_by_client: "客户端的 TIME_WAIT",
    held_by_server: "服务器的 TIME_WAIT",
    held: |count, seconds| format!("{count} 个，还剩 {seconds:.1} s"),
    held_none: "无",
    restart_without: "重启，不设 SO_REUSEADDR",
    restart_with: "重启，设 SO_REUSEADDR",
    restart_works: "成功",
    ports: "哪种关闭方式会让客户端端口耗尽",
    ports_row: |connections, ports| format!("{ports} 个端口，连接 {} 次", grouped(connections)),
    ports_method: |connections, ports| {
        format!(
            "客户端只用自己的 {ports} 个端口，先后建立 {} 个连接。每个连接都是一次请求、一次响应，然后关闭。",
            grouped(connections)
        )
    },
    ports_all: |done| format!("{} 次全部成功", grouped(done)),
    ports_failed: |number, error| format!("第 {} 次：{error}", grouped(number)),
    ports_result: |done, left| format!("{done}；{left}"),
    left_at_client: |count| format!("客户端留下 {count} 个 TIME_WAIT"),
    left_at_server: |count| format!("服务器留下 {count} 个 TIME_WAIT"),
    left_nowhere: "没有 TIME_WAIT",
    ports_connect: "只用 connect",
    ports_few: |done, ports| format!("{done}；它有 {ports} 个端口"),
    ports_run_out: "客户端作为主动关闭方，每个连接都会占住它的一个端口，停在 TIME_WAIT，直到端口耗尽。这里的客户端用 bind \
                    自己选端口，所以报 EADDRINUSE。",
    ports_connect_run_out: "最后一行只调用 connect，由内核选端口，报的是 EADDRNOTAVAIL。",
    ports_again: "如果服务器是主动关闭方，TIME_WAIT 就在服务器一侧，客户端的端口马上可以再用：内核允许新连接顶替旧连接。",
    essay: "那段 30 行的阻塞程序，以及它的毛病",
    essay_method: "程序监听、accept、读一次、发送、关闭，一个客户端处理完再处理下一个。",
    slow: "一个慢客户端挡住所有人",
    slow_alone: "单独一个客户端，等响应",
    slow_behind: |silence| format!("排在沉默 {silence} ms 的客户端后面，等响应"),
    slow_kernel: "这段时间里，服务器的内核",
    slow_unread: |state, bytes| format!("{state}，{} 字节未读", grouped(bytes)),
    unread: "还有数据没读就关闭，会变成 RST",
    unread_request: |len| format!("{} 字节的请求", grouped(len as u32)),
    unread_reading: |bytes, end| format!("读到 {bytes} 字节，然后是 {end}"),
    restart: "服务器是主动关闭方，所以无法重启",
    restart_mended: "同上，但旧服务器也设过",
    restart_lesson: "只有旧服务器也设过 SO_REUSEADDR，它才有用，因为 TIME_WAIT 里的套接字保留着这个选项。\
                     所以第一次启动就要设。",
    picture: "时间自上而下。竖的虚线表示这一端已经没有程序持有，只剩内核；虚线箭头是整机计数器数出的报文段，\
              不是连接自己的计数。",
};
