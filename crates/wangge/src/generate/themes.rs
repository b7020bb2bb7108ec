//! What happens in a subdistrict: categories with the words that each kind of reporter uses for them.
//!
//! The topics follow the seeds of the project (12345 orders, 雪亮+AI alerts, 九小场所, disputes) and the top topics of
//! street-level hotlines. Not here: when and where something happens, and who handles it how fast.
//!
//! In the texts `{street}`, `{cross}`, `{estate}`, `{house}` (building and unit) and `{shop}` are filled in with the
//! place.

use api::events::v1::Urgency;

/// Units that handle what a grid cannot (职能部门), with the name of their post and account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Department {
    /// Street order: stalls, parking on pavements, illegal building.
    Enforcement,
    /// Fire, gas, sites.
    Emergency,
    /// Food, shops, lifts.
    Market,
    /// Smoke, dust, noise of works.
    Environment,
    /// Roads, manholes, lamps, sewers.
    Works,
    /// Water mains.
    Water,
    /// Cleaning and trees.
    Sanitation,
    /// Aid, the old, the disabled.
    Welfare,
    /// Wages and contracts.
    Labour,
    /// Mediation.
    Justice,
}

impl Department {
    /// All of them, in the order of the staff list.
    pub(crate) const ALL: [Self; 10] = [
        Self::Enforcement,
        Self::Emergency,
        Self::Market,
        Self::Environment,
        Self::Works,
        Self::Water,
        Self::Sanitation,
        Self::Welfare,
        Self::Labour,
        Self::Justice,
    ];

    /// As people call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Enforcement => "综合执法中队",
            Self::Emergency => "应急管理办公室",
            Self::Market => "市场监管所",
            Self::Environment => "生态环境所",
            Self::Works => "城建办公室",
            Self::Water => "区供水公司",
            Self::Sanitation => "环卫园林所",
            Self::Welfare => "民政办公室",
            Self::Labour => "人社所",
            Self::Justice => "司法所",
        }
    }
}

/// Where something happens, which decides how the place is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setting {
    /// On a street, near a crossing.
    Street,
    /// In an estate, at a building.
    Home,
    /// At a shop on a street.
    Shop,
}

/// One topic.
pub(crate) struct Theme {
    /// The category it is reported under.
    pub(crate) category: &'static str,
    /// How common it is, compared with the others.
    pub(crate) weight: u32,
    /// How urgent it usually is.
    pub(crate) urgency: Urgency,
    /// Where it happens.
    pub(crate) setting: Setting,
    /// Who handles it; none: the worker in charge of the grid.
    pub(crate) department: Option<Department>,
    /// Minutes from the start to the result: half of all cases take less.
    pub(crate) minutes: f64,
    /// How a worker on patrol, a building head or an inspector writes it.
    pub(crate) patrol: &'static [&'static str],
    /// How a resident says it.
    pub(crate) resident: &'static [&'static str],
    /// How a camera or sensor says it; none: no device notices it.
    pub(crate) device: Option<(Device, &'static str)>,
    /// What was done.
    pub(crate) results: &'static [&'static str],
}

/// Which device notices a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Device {
    /// A camera with analysis (雪亮+AI).
    Camera,
    /// A sensor (smoke, gas, water, charging pile).
    Sensor,
}

use Department as By;
use Setting::{Home, Shop, Street};
use Urgency::{Critical, Ordinary, Urgent};

/// Every topic of an ordinary day.
pub(crate) const THEMES: &[Theme] = &[
    Theme {
        category: "暴露垃圾",
        weight: 12,
        urgency: Ordinary,
        setting: Street,
        department: Some(By::Sanitation),
        minutes: 55.0,
        patrol: &["{street}{cross}附近有暴露垃圾一堆,约2立方米,需清运", "{estate}西门外垃圾桶满溢,散落路面"],
        resident: &["{street}路边垃圾好几天没人收了,味道很大", "{estate}门口垃圾桶满了,麻烦派人清一下"],
        device: Some((Device::Camera, "AI识别:{street}{cross}垃圾满溢,置信度0.93")),
        results: &["已清运并冲洗地面", "已联系环卫清理干净,桶身已擦拭"],
    },
    Theme {
        category: "占道经营",
        weight: 11,
        urgency: Ordinary,
        setting: Street,
        department: Some(By::Enforcement),
        minutes: 40.0,
        patrol: &["{street}有流动摊贩3处占用盲道,劝离无效", "{street}{cross}早餐摊占道,影响通行"],
        resident: &["{street}那边卖水果的三轮车天天堵着人行道", "上学放学时{street}摊子太多,孩子都走到马路上了"],
        device: Some((Device::Camera, "AI识别:{street}流动摊贩占道经营,持续12分钟")),
        results: &["摊贩已劝离至便民市场,现场已恢复通行", "已批评教育并责令离场"],
    },
    Theme {
        category: "店外经营",
        weight: 6,
        urgency: Ordinary,
        setting: Shop,
        department: Some(By::Enforcement),
        minutes: 45.0,
        patrol: &["{street}{shop}桌椅摆出店外约6平方米", "{shop}({street})店外堆放货物,占压盲道"],
        resident: &["{shop}把桌子都摆到路上了,走路得绕到机动车道"],
        device: Some((Device::Camera, "AI识别:{street}{shop}店外经营")),
        results: &["店主已将物品收回店内,签订门前三包承诺"],
    },
    Theme {
        category: "机动车乱停放",
        weight: 8,
        urgency: Ordinary,
        setting: Street,
        department: None,
        minutes: 25.0,
        patrol: &["{street}人行道停放机动车4辆", "{estate}门口机动车停放杂乱,影响进出"],
        resident: &["{street}{cross}有辆面包车停在斜坡上,轮椅过不去", "{estate}消防登高面停满了车"],
        device: Some((Device::Camera, "AI识别:{street}车辆违停,持续20分钟")),
        results: &["已电话联系车主挪车", "车主已驶离,现场施划提示线"],
    },
    Theme {
        category: "消防通道堵塞",
        weight: 5,
        urgency: Urgent,
        setting: Home,
        department: None,
        minutes: 35.0,
        patrol: &["{estate}{house}楼道堆放纸箱、旧家具,堵塞疏散通道", "{estate}消防通道被私家车占用"],
        resident: &["{estate}{house}楼道里全是杂物,万一着火跑都跑不出来"],
        device: None,
        results: &["已督促住户清理完毕,楼道畅通", "车辆已挪离,消防通道重新划线"],
    },
    Theme {
        category: "电动自行车违规充电",
        weight: 7,
        urgency: Urgent,
        setting: Home,
        department: None,
        minutes: 30.0,
        patrol: &["{estate}{house}有住户从窗口飞线充电", "{estate}{house}一楼楼道内停放电动车3辆并充电"],
        resident: &["{estate}{house}又有人把电动车推进楼道充电了,太吓人了"],
        device: Some((Device::Camera, "AI识别:{estate}{house}电动自行车进入电梯")),
        results: &["已劝导推出楼道,引导至充电棚充电", "飞线已拆除,签订安全承诺书"],
    },
    Theme {
        category: "下水道堵塞",
        weight: 7,
        urgency: Urgent,
        setting: Home,
        department: Some(By::Works),
        minutes: 110.0,
        patrol: &["{estate}{house}前污水井满溢,污水外流约10米"],
        resident: &["{estate}{house}下水道堵了,污水都冒到一楼家里了", "{estate}化粪池满了,院里全是脏水"],
        device: None,
        results: &["已疏通管道并清掏检查井", "高压疏通完毕,路面已冲洗消毒"],
    },
    Theme {
        category: "井盖缺失破损",
        weight: 4,
        urgency: Critical,
        setting: Street,
        department: Some(By::Works),
        minutes: 70.0,
        patrol: &["{street}{cross}雨水井盖破损,已放置警示锥桶"],
        resident: &["{street}路中间井盖没了,晚上骑车很危险", "{street}有个井盖一压就响,边上都裂了"],
        device: Some((Device::Sensor, "井盖倾角报警:{street}{cross},倾角32度")),
        results: &["已更换新井盖并加固井圈", "井盖已复位,加装防坠网"],
    },
    Theme {
        category: "路灯不亮",
        weight: 5,
        urgency: Ordinary,
        setting: Street,
        department: Some(By::Works),
        minutes: 240.0,
        patrol: &["{street}连续5盏路灯不亮", "{estate}内部路灯2盏不亮"],
        resident: &["{street}晚上黑漆漆的,路灯坏了好几天了"],
        device: None,
        results: &["更换光源和熔断器,已恢复照明"],
    },
    Theme {
        category: "道路破损",
        weight: 5,
        urgency: Ordinary,
        setting: Street,
        department: Some(By::Works),
        minutes: 300.0,
        patrol: &["{street}{cross}路面坑槽约1平方米", "{street}人行道地砖松动、缺失约3平方米"],
        resident: &["{street}有个大坑,电动车摔倒好几个了"],
        device: None,
        results: &["已用冷补料填补压实", "已更换破损地砖"],
    },
    Theme {
        category: "噪音扰民",
        weight: 8,
        urgency: Ordinary,
        setting: Home,
        department: None,
        minutes: 40.0,
        patrol: &["{estate}广场舞音响音量过大,居民有意见"],
        resident: &["{estate}楼下音响太响,孩子没法写作业", "{estate}{house}楼上半夜装修,实在受不了"],
        device: None,
        results: &["已劝导调低音量,约定21点前结束", "已与装修户约定施工时间"],
    },
    Theme {
        category: "油烟扰民",
        weight: 4,
        urgency: Ordinary,
        setting: Shop,
        department: Some(By::Environment),
        minutes: 150.0,
        patrol: &["{street}{shop}油烟净化设施未开启"],
        resident: &["{shop}的油烟直接排到我家窗户底下,反映好几次了"],
        device: Some((Device::Sensor, "油烟在线监测超标:{street}{shop},2.8mg/m³")),
        results: &["已责令清洗净化设施并保持运行", "现场检测合格,限期加高排烟管"],
    },
    Theme {
        category: "九小场所消防隐患",
        weight: 6,
        urgency: Urgent,
        setting: Shop,
        department: Some(By::Emergency),
        minutes: 90.0,
        patrol: &["{street}{shop}灭火器压力不足2具,应急灯不亮", "{shop}({street})液化气瓶与灶具间距不足"],
        resident: &["{shop}后厨挨着居民楼放了好几个煤气罐"],
        device: None,
        results: &["灭火器已更换,复查合格", "气瓶已移位,软管已更换,复查合格"],
    },
    Theme {
        category: "烟雾报警",
        weight: 3,
        urgency: Critical,
        setting: Home,
        department: Some(By::Emergency),
        minutes: 35.0,
        patrol: &["{estate}{house}闻到烧焦味,敲门无人应答"],
        resident: &["{estate}{house}窗户往外冒烟,快来人"],
        device: Some((Device::Sensor, "独立烟感报警:{estate}{house},浓度超限")),
        results: &["系独居老人忘关灶火,已关火通风,无人受伤", "系做饭油烟误报,已现场复位"],
    },
    Theme {
        category: "燃气异味",
        weight: 2,
        urgency: Critical,
        setting: Home,
        department: Some(By::Emergency),
        minutes: 45.0,
        patrol: &["{estate}{house}楼道有燃气异味,已通知住户开窗"],
        resident: &["{estate}{house}楼道里煤气味很浓"],
        device: Some((Device::Sensor, "可燃气体报警:{estate}{house},12%LEL")),
        results: &["燃气公司到场关阀检修,接口已更换,检测合格"],
    },
    Theme {
        category: "电梯故障",
        weight: 3,
        urgency: Critical,
        setting: Home,
        department: Some(By::Market),
        minutes: 50.0,
        patrol: &["{estate}{house}电梯停运,门口无警示"],
        resident: &["{estate}{house}电梯卡在5楼,里面有人"],
        device: Some((Device::Sensor, "电梯物联网报警:{estate}{house}困人")),
        results: &["维保单位18分钟到场,人员已安全救出,停梯检修", "已更换门机部件,恢复运行"],
    },
    Theme {
        category: "树木倒伏",
        weight: 2,
        urgency: Urgent,
        setting: Street,
        department: Some(By::Sanitation),
        minutes: 60.0,
        patrol: &["{street}{cross}行道树枝干断裂,压占非机动车道"],
        resident: &["{street}有棵树歪了,快压到电线了"],
        device: None,
        results: &["已锯除断枝并清运", "倒伏树木已扶正支撑"],
    },
    Theme {
        category: "扬尘污染",
        weight: 4,
        urgency: Ordinary,
        setting: Street,
        department: Some(By::Environment),
        minutes: 100.0,
        patrol: &["{street}工地裸土未苫盖,渣土车带泥上路"],
        resident: &["{street}旁边工地一刮风全是土,窗户都不敢开"],
        device: Some((Device::Camera, "AI识别:{street}工地裸土未覆盖约200平方米")),
        results: &["裸土已全部苫盖,出口冲洗设施已启用"],
    },
    Theme {
        category: "露天焚烧",
        weight: 2,
        urgency: Urgent,
        setting: Street,
        department: Some(By::Environment),
        minutes: 30.0,
        patrol: &["{street}空地有人焚烧杂草,已劝阻"],
        resident: &["{street}后面有人烧秸秆,烟很大"],
        device: Some((Device::Camera, "AI识别:{street}烟火,置信度0.88")),
        results: &["明火已扑灭,对当事人批评教育"],
    },
    Theme {
        category: "食品安全",
        weight: 3,
        urgency: Ordinary,
        setting: Shop,
        department: Some(By::Market),
        minutes: 200.0,
        patrol: &["{street}{shop}健康证过期,后厨生熟未分开"],
        resident: &["在{shop}吃饭吃出虫子,老板还不承认"],
        device: None,
        results: &["已现场检查并下达责令改正通知书", "店家已道歉退款,立案调查中"],
    },
    Theme {
        category: "邻里纠纷",
        weight: 6,
        urgency: Ordinary,
        setting: Home,
        department: Some(By::Justice),
        minutes: 120.0,
        patrol: &["{estate}{house}两户因楼上漏水争吵,需调解", "{estate}两户因车位归属发生口角"],
        resident: &["{estate}{house}楼上漏水把我家顶棚泡了,他不管"],
        device: None,
        results: &["已组织双方调解,达成赔偿协议", "双方握手言和,漏点已维修"],
    },
    Theme {
        category: "物业服务",
        weight: 7,
        urgency: Ordinary,
        setting: Home,
        department: None,
        minutes: 90.0,
        patrol: &["{estate}道闸损坏3天,物业未修"],
        resident: &["{estate}物业费照收,楼道一个月没打扫", "{estate}门禁坏了,外人随便进"],
        device: None,
        results: &["物业已安排维修并向业主公示", "社区约谈物业,保洁已恢复"],
    },
    Theme {
        category: "拖欠工资",
        weight: 2,
        urgency: Ordinary,
        setting: Shop,
        department: Some(By::Labour),
        minutes: 260.0,
        patrol: &["{street}{shop}员工反映欠薪两个月"],
        resident: &["在{shop}干了三个月,工资一直拖着不给"],
        device: None,
        results: &["约谈经营者,工资已当场结清", "双方签订分期支付协议"],
    },
    Theme {
        category: "独居老人求助",
        weight: 5,
        urgency: Urgent,
        setting: Home,
        department: None,
        minutes: 35.0,
        patrol: &["{estate}{house}独居老人两天未出门,敲门有应答但行动不便"],
        resident: &["{estate}{house}老人一个人在家摔倒了,儿女在外地"],
        device: Some((Device::Sensor, "一键呼叫:{estate}{house}独居老人按下求助键")),
        results: &["已上门查看并送医,家属已联系", "老人无大碍,家庭医生已上门复诊"],
    },
    Theme {
        category: "救助咨询",
        weight: 4,
        urgency: Ordinary,
        setting: Home,
        department: Some(By::Welfare),
        minutes: 130.0,
        patrol: &["入户走访发现{estate}{house}住户因病致困,拟申请临时救助"],
        resident: &["家里有重度残疾人,想问护理补贴怎么办"],
        device: None,
        results: &["已一次性告知材料并代办录入", "已上门核实,临时救助申请已受理"],
    },
    Theme {
        category: "犬只管理",
        weight: 4,
        urgency: Ordinary,
        setting: Home,
        department: None,
        minutes: 45.0,
        patrol: &["{estate}有流浪犬3只聚集"],
        resident: &["{estate}有人遛大狗不牵绳,吓着孩子了"],
        device: None,
        results: &["已劝导犬主牵绳并办证", "流浪犬已送收容点"],
    },
    Theme {
        category: "违法建设",
        weight: 2,
        urgency: Ordinary,
        setting: Home,
        department: Some(By::Enforcement),
        minutes: 280.0,
        patrol: &["{estate}{house}一楼住户正在院内搭建彩钢房"],
        resident: &["{estate}{house}顶楼在加盖房子,墙都裂了"],
        device: None,
        results: &["已下达停工通知书,当事人自行拆除"],
    },
    Theme {
        category: "公共设施损坏",
        weight: 5,
        urgency: Ordinary,
        setting: Home,
        department: None,
        minutes: 160.0,
        patrol: &["{estate}健身器材漫步机踏板断裂", "{estate}凉亭座椅松动"],
        resident: &["{estate}滑梯边上有铁片翘起来,孩子容易划伤"],
        device: None,
        results: &["已更换配件,试用正常", "已拆除危险部件并围挡,配件明日到货后复装"],
    },
];
