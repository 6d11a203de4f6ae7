//! The sentences of the verdict.

use super::Language;

/// Each function takes a percentage.
pub struct Sentences {
    pub idle: &'static str,
    pub client: fn(f64) -> String,
    pub server: fn(f64) -> String,
    pub machine: fn(f64) -> String,
    pub no_count: &'static str,
    pub too_early: &'static str,
    pub stolen: fn(f64) -> String,
    pub throttled: fn(f64) -> String,
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
    idle: "no client has come",
    client: |busy| {
        format!(
            "the server was busy {busy:.0} % of the busiest second: the client or the network limits this run"
        )
    },
    server: |busy| format!("the server was busy {busy:.0} % of the busiest second: the server is the limit"),
    machine: |waiting| {
        format!(
            "the server waited {waiting:.0} % of the busiest second for a processor: the machine is the limit"
        )
    },
    no_count: "nobody can know what limits this run: this system does not count busy time",
    too_early: "nobody can know yet what limits this run: its first second is not over",
    stolen: |percent| {
        format!(
            "nobody can know what limits this run: other virtual machines took {percent:.0} % of a processor in the \
             busiest second"
        )
    },
    throttled: |percent| {
        format!(
            "nobody can know what limits this run: a control group stopped the server for {percent:.0} % of the \
             busiest second"
        )
    },
};

static CHINESE: Sentences = Sentences {
    idle: "没有客户端来过",
    client: |busy| format!("最忙的一秒里服务器只忙了 {busy:.0} %：瓶颈在客户端或网络"),
    server: |busy| format!("最忙的一秒里服务器忙了 {busy:.0} %：瓶颈在服务器"),
    machine: |waiting| format!("最忙的一秒里服务器有 {waiting:.0} % 的时间在等处理器：瓶颈在这台机器"),
    no_count: "无法判断瓶颈在哪里：本系统不统计忙碌时间",
    too_early: "还无法判断瓶颈在哪里：运行还不到一秒",
    stolen: |percent| {
        format!("无法判断瓶颈在哪里：最忙的一秒里，其他虚拟机占去了一个处理器的 {percent:.0} %")
    },
    throttled: |percent| {
        format!("无法判断瓶颈在哪里：最忙的一秒里，控制组让服务器停了 {percent:.0} % 的时间")
    },
};
