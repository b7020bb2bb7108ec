//! A seeded subdistrict: communities, roads, estates with buildings, units and rooms, villages with houses, shops on
//! the roads, and landmarks. It knows the truth; what people make of it in writing is `noise`.

use std::collections::BTreeSet;

use base::AreaPath;
use buildings::model::address::{Entry, Gazetteer, Kind, Label};
use fastrand::Rng;

/// Something with an address.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    /// Of the building or house.
    pub(crate) building_id: [u8; 16],
    /// Of the estate, village or shop row it belongs to.
    pub(crate) owner: usize,
    pub(crate) number: u32,
    /// Unit, room number and id of each room.
    pub(crate) rooms: Vec<(u32, u32, [u8; 16])>,
    pub(crate) units: u32,
}

/// An estate or a village.
#[derive(Clone, Debug)]
pub(crate) struct Estate {
    pub(crate) id: [u8; 16],
    pub(crate) name: String,
    pub(crate) community: usize,
    /// The road and number of its gate; villages have none.
    pub(crate) gate: Option<(String, u32)>,
    pub(crate) is_village: bool,
}

/// A named thing without rooms, or a building known by its name.
#[derive(Clone, Debug)]
pub(crate) struct Landmark {
    pub(crate) id: [u8; 16],
    pub(crate) name: String,
    pub(crate) door: Option<(String, u32)>,
}

pub(crate) struct Town {
    pub(crate) communities: Vec<&'static str>,
    pub(crate) roads: Vec<String>,
    pub(crate) estates: Vec<Estate>,
    pub(crate) homes: Vec<Home>,
    pub(crate) landmarks: Vec<Landmark>,
    /// Estate names of the same make that do not exist here.
    pub(crate) strangers: Vec<String>,
    pub(crate) gazetteer: Gazetteer,
}

pub(crate) const DISTRICT: &str = "张店区";
pub(crate) const SUBDISTRICT: &str = "四宝山街道";

/// Communities of 四宝山街道 (370303008), as the division codes of 2023 name them.
const COMMUNITIES: &[&str] = &[
    "宝山社区",
    "华瑞园",
    "南营社区",
    "文苑社区",
    "南石社区",
    "华侨城社区",
    "亚运村社区",
    "时代社区",
    "新空间社区",
    "金都花园社区",
    "奥林社区",
    "植物园社区",
    "双赢社区",
    "银泰城社区",
    "万杰路社区",
    "火炬社区",
];
const VILLAGES: &[&str] = &[
    "尚庄村",
    "解庄村",
    "曹一村",
    "曹二村",
    "曹三村",
    "北马庄村",
    "隽山村",
    "江西道村",
    "榆林村",
    "彭官村",
    "万盛村",
    "军屯村",
    "迎仙村",
    "东张村",
    "赵庄村",
    "北石村",
    "马店村",
    "王埠村",
    "辛曹村",
    "郭家村",
    "杨楼村",
    "闫高村",
    "卫固村",
    "付山村",
    "大河南村",
    "北河南村",
    "西尹村",
    "东尹村",
    "南岭村",
    "北岭村",
    "太平村",
    "小寨村",
    "李家村",
    "魏家村",
    "北营村",
    "王东村",
    "王南村",
    "刘东村",
    "刘西村",
];
const ROADS: &[&str] = &[
    "中润大道",
    "鲁泰大道",
    "万杰路",
    "尊贤路",
    "四宝山路",
    "民祥路",
    "裕民路",
    "青龙山路",
    "北京路",
    "西五路",
    "西六路",
    "金晶大道",
    "华光路",
    "华光东路",
    "柳泉路",
    "世纪路",
    "南京路",
    "天津路",
    "重庆路",
    "联通路",
    "人民东路",
    "人民西路",
    "共青团路",
    "新村路",
    "宝沣路",
    "兴学街",
    "政通路",
    "东四路",
    "猪龙河路",
    "一诺路",
    "开发区北路",
    "开发区南路",
    "高创路",
    "齐祥路",
    "丰水路",
    "南石大道",
    "黄桑路",
    "卫固大街",
];
const FIRST: &[&str] = &[
    "阳光", "金色", "翡翠", "锦绣", "东方", "书香", "盛世", "华瑞", "凤凰", "绿城", "碧桂", "金都", "御景", "世纪",
    "名仕", "颐和", "祥和", "康乐", "紫荆", "丽景", "天泰", "鸿泰", "荣盛", "嘉和", "佳和", "润泽", "中房", "齐盛",
    "黄金", "银座", "海关", "学府", "水岸", "龙泰", "福泰", "怡海", "恒大", "鲁能", "瑞景", "兰亭", "和平", "建业",
    "宏程", "尚美", "巴黎", "橄榄", "玫瑰", "桃园", "柳园", "槐荫",
];
const LAST: &[&str] =
    &["花园", "家园", "小区", "新城", "公寓", "嘉园", "名郡", "国际", "新村", "山庄", "豪庭", "苑", "雅居", "公馆"];
const MARKS: &[&str] = &[
    "实验小学",
    "第三中学",
    "中心医院",
    "人民公园",
    "汽车站",
    "农贸市场",
    "派出所",
    "科技大厦",
    "图书馆",
    "体育中心",
    "卫生院",
    "幼儿园",
    "加油站",
    "敬老院",
    "政务服务中心",
    "电影院",
];

impl Town {
    /// Builds the subdistrict of this seed with about this many estates.
    pub(crate) fn new(seed: u64, estates: usize) -> Self {
        let mut town = Self {
            communities: COMMUNITIES.to_vec(),
            roads: ROADS.iter().map(|road| (*road).to_owned()).collect(),
            estates: Vec::new(),
            homes: Vec::new(),
            landmarks: Vec::new(),
            strangers: Vec::new(),
            gazetteer: Gazetteer::default(),
        };
        let mut rng = Rng::with_seed(seed);
        town.divisions();
        town.name_estates(&mut rng, estates);
        for number in 0..town.estates.len() {
            town.build(&mut rng, number);
        }
        town.place_landmarks(&mut rng);
        town
    }

    fn area(community: usize) -> AreaPath {
        let ordinal = u16::try_from(community + 1).unwrap();
        AreaPath::ROOT.child(1).and_then(|area| area.child(1)).and_then(|area| area.child(ordinal)).unwrap()
    }

    fn id(&self) -> [u8; 16] {
        u128::try_from(self.gazetteer.len() + 1).unwrap().to_be_bytes()
    }

    fn put(
        &mut self,
        kind: Kind,
        parent: Option<[u8; 16]>,
        label: Option<u32>,
        name: &str,
        community: usize,
        door: &str,
    ) -> [u8; 16] {
        let id = self.id();
        let parent = parent.and_then(|id| self.gazetteer.handle(id));
        let label = label.and_then(|label| Label::parse(&label.to_string()));
        let names: &[&str] = if name.is_empty() { &[] } else { &[name] };
        let doors: &[&str] = if door.is_empty() { &[] } else { &[door] };
        self.gazetteer.put(&Entry { id, kind, parent, label, names, area: Self::area(community), doors });
        id
    }

    fn divisions(&mut self) {
        let district = AreaPath::ROOT.child(1).unwrap();
        for (name, area, id) in
            [(DISTRICT, district, 1 << 100), (SUBDISTRICT, district.child(1).unwrap(), 2 << 100_u128)]
        {
            let id = u128::to_be_bytes(id);
            self.gazetteer.put(&Entry {
                id,
                kind: Kind::Division,
                parent: None,
                label: None,
                names: &[name],
                area,
                doors: &[],
            });
        }
        for (number, name) in COMMUNITIES.iter().chain(VILLAGES).enumerate() {
            let committee = format!("{name}居委会");
            let id = u128::to_be_bytes((3 << 100) + number as u128);
            let area = Self::area(number);
            self.gazetteer.put(&Entry {
                id,
                kind: Kind::Division,
                parent: None,
                label: None,
                names: &[&committee],
                area,
                doors: &[],
            });
        }
    }

    fn name_estates(&mut self, rng: &mut Rng, count: usize) {
        let mut names = BTreeSet::new();
        while names.len() < count * 5 / 4 {
            let name = format!("{}{}", rng.choice(FIRST).unwrap(), rng.choice(LAST).unwrap());
            // One in twelve is built in phases.
            names.insert(if rng.u32(..12) == 0 {
                format!("{name}{}期", ["一", "二", "三"][rng.usize(..3)])
            } else {
                name
            });
        }
        let mut names: Vec<String> = names.into_iter().collect();
        rng.shuffle(&mut names);
        self.strangers = names.split_off(count);
        for name in names {
            let community = rng.usize(..COMMUNITIES.len());
            let gate = (rng.choice(&self.roads).unwrap().clone(), rng.u32(1..400));
            let door = format!("{}{}号", gate.0, gate.1);
            let id = self.put(Kind::Estate, None, None, &name, community, &door);
            self.estates.push(Estate { id, name, community, gate: Some(gate), is_village: false });
        }
        for (number, name) in VILLAGES.iter().enumerate() {
            let community = COMMUNITIES.len() + number;
            let id = self.put(Kind::Estate, None, None, name, community, "");
            self.estates.push(Estate { id, name: (*name).to_owned(), community, gate: None, is_village: true });
        }
    }

    fn build(&mut self, rng: &mut Rng, owner: usize) {
        let Estate { id: estate, community, is_village, .. } = self.estates[owner].clone();
        let count = if is_village { rng.u32(60..240) } else { rng.u32(4..24) };
        for number in 1..=count {
            let building_id = self.put(Kind::Building, Some(estate), Some(number), "", community, "");
            let (units, floors) = if is_village { (0, 0) } else { (rng.u32(1..4), rng.u32(5..12)) };
            let mut rooms = Vec::new();
            for unit in 1..=units {
                let unit_id = self.put(Kind::Unit, Some(building_id), Some(unit), "", community, "");
                for (floor, door) in (1..=floors).flat_map(|floor| [(floor, 1), (floor, 2)]) {
                    let room = floor * 100 + door;
                    rooms.push((unit, room, self.put(Kind::Room, Some(unit_id), Some(room), "", community, "")));
                }
            }
            self.homes.push(Home { building_id, owner, number, rooms, units });
        }
    }

    fn place_landmarks(&mut self, rng: &mut Rng) {
        for mark in MARKS {
            for _ in 0..3 {
                let name = format!("{}{mark}", rng.choice(FIRST).unwrap());
                if self.landmarks.iter().any(|landmark| landmark.name == name) {
                    continue;
                }
                let door = rng.bool().then(|| (rng.choice(&self.roads).unwrap().clone(), rng.u32(400..600)));
                let written = door.as_ref().map_or(String::new(), |(road, number)| format!("{road}{number}号"));
                let community = rng.usize(..COMMUNITIES.len());
                let id = self.put(Kind::Landmark, None, None, &name, community, &written);
                self.landmarks.push(Landmark { id, name, door });
            }
        }
    }
}
