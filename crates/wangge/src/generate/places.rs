//! The names of the subdistrict: what is real, and what is made up.
//!
//! Real are the divisions and their NBS codes (坛山街道 and its 20 communities, as the statistics bureau lists them).
//! Everything else on this page, the streets, estates and exclusive grids, is invented, and so is every border.

/// The box of the made-up subdistrict, near the seat of 峄城区: degrees west, south, east and north. About 5.1 by
/// 4.2 km.
pub(crate) const BOX: [f64; 4] = [117.562, 34.751, 117.618, 34.789];

/// The divisions above: kind is by order (province, city, district, subdistrict).
pub(crate) const DIVISIONS_ABOVE: [(&str, &str); 4] =
    [("37", "山东省"), ("3704", "枣庄市"), ("370404", "峄城区"), ("370404001", "坛山街道")];

/// The communities with their NBS-12 codes; 居委会 is left out of the name, as people say it.
pub(crate) const COMMUNITIES: [(&str, &str); 20] = [
    ("370404001006", "工农社区"),
    ("370404001007", "立新社区"),
    ("370404001008", "兴国社区"),
    ("370404001009", "牌坊社区"),
    ("370404001011", "中心社区"),
    ("370404001012", "邵楼社区"),
    ("370404001013", "魁星社区"),
    ("370404001014", "利民社区"),
    ("370404001015", "仙坛社区"),
    ("370404001017", "中桥社区"),
    ("370404001019", "徐楼社区"),
    ("370404001020", "岳庄社区"),
    ("370404001021", "岳台社区"),
    ("370404001022", "前湾社区"),
    ("370404001023", "后湾社区"),
    ("370404001024", "侯桥社区"),
    ("370404001025", "孔村社区"),
    ("370404001026", "张店社区"),
    ("370404001027", "刘村社区"),
    ("370404001028", "南关社区"),
];

/// Communities, base grids and micro-grids: the pilot's figures.
pub(crate) const COUNTS: [usize; 3] = [COMMUNITIES.len(), 80, 352];

/// Exclusive grids: what stands there, and who answers for it. The name of the community goes before.
pub(crate) const EXCLUSIVE_GRIDS: [(&str, &str); 8] = [
    ("农贸市场", "市场管理员"),
    ("小学", "学校安全员"),
    ("实验中学", "学校安全员"),
    ("医院", "保卫科"),
    ("汽车站", "车站安保"),
    ("安置房工地", "工地安全员"),
    ("商业广场", "物业经理"),
    ("公园", "公园管理员"),
];

/// Streets from north to south, each running west to east.
pub(crate) const STREETS_WEST_EAST: [&str; 8] =
    ["北环路", "榴花路", "坛山北路", "解放路", "中兴路", "承水路", "工农路", "南环路"];

/// Streets from west to east, each running north to south.
pub(crate) const STREETS_NORTH_SOUTH: [&str; 9] =
    ["西环路", "徐楼街", "仙坛路", "魁星街", "牌坊街", "立新路", "兴国路", "岳庄街", "东环路"];

/// First halves of names of estates and yards; the second half is one of [`ESTATE_KINDS`].
pub(crate) const ESTATE_NAMES: [&str; 20] = [
    "榴花", "承水", "锦绣", "阳光", "康馨", "福盛", "翠湖", "明珠", "丽景", "安居", "仁和", "金榴", "书香", "东方",
    "鑫源", "文苑", "和顺", "吉祥", "河畔", "凤鸣",
];

/// Second halves of names of estates and yards.
pub(crate) const ESTATE_KINDS: [&str; 4] = ["小区", "花园", "家园", "苑"];

/// Shops and small places (九小场所) that incidents are about.
pub(crate) const SHOPS: [&str; 14] = [
    "老王羊肉汤馆",
    "鑫鑫烧烤",
    "好再来快餐店",
    "百姓超市",
    "辣子鸡饭店",
    "阿强汽修",
    "诚信五金店",
    "小雨理发店",
    "家和宾馆",
    "晨光文具店",
    "兄弟大排档",
    "榴乡菜煎饼铺",
    "顺达快递驿站",
    "童心托管班",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_communities_are_the_pilots() {
        assert_eq!(COUNTS, [20, 80, 352]);
        for (code, name) in COMMUNITIES {
            assert!(code.len() == 12 && code.starts_with(DIVISIONS_ABOVE[3].0), "{name}");
            assert!(name.ends_with("社区"), "{name}");
        }
    }
}
