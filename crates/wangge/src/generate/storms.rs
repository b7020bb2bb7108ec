//! The two hot spots of the day: one cause, many reports through many channels.
//!
//! Not here: who reports and in which order.

use api::events::v1::Urgency;

use super::themes::{Department, Device, Setting, Theme};

/// A hot spot.
pub(crate) struct Storm {
    /// The second of the day at which it begins.
    pub(crate) begins_second: i64,
    /// Minutes over which the reports come in, most of them early.
    pub(crate) minutes: f64,
    /// How many reports.
    pub(crate) reports: u32,
    /// How many neighbouring micro-grids.
    pub(crate) micro_grids: usize,
    /// What they are about.
    pub(crate) theme: Theme,
}

/// A water main bursts in the rush hour and floods two micro-grids.
pub(crate) const BURST_PIPE: Storm = Storm {
    begins_second: 7 * 3_600 + 42 * 60,
    minutes: 55.0,
    reports: 12,
    micro_grids: 2,
    theme: Theme {
        category: "供水管道爆裂",
        weight: 0,
        urgency: Urgency::Critical,
        setting: Setting::Street,
        department: Some(Department::Water),
        minutes: 95.0,
        patrol: &[
            "{street}{cross}供水主管爆裂,路面冒水约30厘米深,已拉警戒线",
            "{estate}门前道路被水淹,水源来自路面裂缝",
        ],
        resident: &[
            "{street}路面突然喷水,车都过不去了",
            "{estate}全楼停水了,外面路上全是水",
            "{estate}地下车库进水了,快来人",
            "{street}{cross}水管爆了,水柱两米多高",
        ],
        device: Some((Device::Sensor, "管网压力骤降报警:{street}{cross}DN400,0.31→0.08MPa")),
        results: &["抢修队已关阀、更换管段,恢复供水", "积水已抽排,路面已冲洗,恢复通行"],
    },
};

/// A thunder shower floods low streets in the afternoon.
pub(crate) const FLOODED_STREETS: Storm = Storm {
    begins_second: 16 * 3_600 + 25 * 60,
    minutes: 80.0,
    reports: 17,
    micro_grids: 5,
    theme: Theme {
        category: "道路积水",
        weight: 0,
        urgency: Urgency::Urgent,
        setting: Setting::Street,
        department: Some(Department::Works),
        minutes: 70.0,
        patrol: &["{street}{cross}积水约25厘米,雨水篦子被树叶堵塞", "{street}低洼处积水,已放置警示牌并引导绕行"],
        resident: &[
            "{street}水都没过脚脖子了,电动车全熄火了",
            "{estate}门口积水进不去家",
            "{street}{cross}下水道往外返水",
        ],
        device: Some((Device::Camera, "AI识别:{street}{cross}路面积水约180平方米")),
        results: &["已清掏雨水篦子,积水排净", "泵车抽排完毕,恢复通行"],
    },
};
