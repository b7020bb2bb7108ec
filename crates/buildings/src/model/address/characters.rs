//! Characters: which are written for which, which sound alike, which look alike, and which never stand for another.
//!
//! The table of traditional characters holds those that occur in addresses and names of places (two thousand villages
//! and communities on both sides of the strait, five thousand hotline addresses, a city's streets), not the language.

use std::collections::HashMap;
use std::sync::LazyLock;

use pinyin::ToPinyin;

/// How far one character is from another, in hundredths of a wrong character.
pub(super) mod distance {
    /// The characters sound alike (山 and 衫): what an input method confuses.
    pub(crate) const SOUND: u32 = 25;
    /// The characters look alike (末 and 未): what a hand or a scanner confuses.
    pub(crate) const LOOK: u32 = 30;
    /// Any other wrong, missing or additional character.
    pub(crate) const OTHER: u32 = 100;
    /// One of them tells neighbours apart (东路 and 西路, 二村 and 三村), so it is no slip of the pen.
    pub(crate) const TELLING: u32 = 150;
}

/// Traditional and variant characters, each followed by its simplified one. The pairs are those of OpenCC's
/// `TSCharacters` (Apache-2.0) and of a few variants that only names of places have.
const SIMPLIFIED: &[&str] = &[
    "亂乱亞亚佈布佔占來来侷局倉仓個个倖幸倫伦偉伟側侧傑杰傢家傳传僑侨儀仪億亿儲储兌兑內内兩两凃涂凱凯別别則则剋克創创劃划劇剧劉刘動动務务勝胜勞劳勢势勲勋匯汇區区協协參参叢丛吳吴呂吕員员唸念啓启啟启喆哲喬乔",
    "單单嘩哗噹当嚮向囌苏國国圍围園园圓圆圖图團团坵丘垻坝堃坤堦阶堯尧報报場场堺界塩盐墳坟墻墙壇坛壠垅壩坝壺壶壽寿夢梦夾夹奧奥媽妈孃娘孫孙學学宮宫實实寧宁寵宠寶宝將将對对層层屬属岀出岡冈峯峰島岛崑昆崗岗崙仑",
    "嵐岚嵗岁嶗崂嶧峄嶺岭嶽岳巔巅師师帶带幹干幾几庫库廁厕廈厦廟庙廠厂廣广廳厅張张強强彆别彌弥彎弯彙汇後后徑径從从復复恆恒悅悦愛爱慄栗態态慶庆應应戲戏戶户捨舍捲卷掛挂揚扬撈捞擁拥擾扰攤摊敍叙數数於于昇升時时",
    "暉晖曁暨曆历曉晓曏向曬晒書书會会朮术東东柺拐桿杆條条棗枣棟栋棧栈棲栖楊杨楓枫業业榮荣槺糠樂乐樑梁樓楼標标樞枢樹树橋桥機机橫横檢检檯台檳槟權权欒栾歐欧歡欢歷历歸归殘残殯殡氣气涇泾涖莅涼凉淨净淵渊淺浅湯汤",
    "溝沟溫温溼湿滙汇滬沪滷卤漁渔漢汉漿浆潔洁潤润潯浔澇涝澤泽濟济濤涛濰潍濱滨瀋沈瀰弥灃沣灘滩灣湾為为烏乌無无煙烟熱热燈灯燒烧燙烫營营燦灿爐炉爲为爺爷爾尔牆墙牠它獄狱獅狮現现環环璽玺瓏珑產产甦苏甯宁畑田畢毕",
    "異异當当療疗發发皁皂盞盏監监盤盘盧卢眾众砲炮硃朱碼码磚砖礦矿禦御禮礼稅税種种穀谷積积窓窗窩窝窪洼窯窑竈灶範范築筑篤笃篩筛籃篮粧妆糞粪糧粮糰团紀纪約约紅红納纳紐纽紗纱紙纸級级紡纺紮扎細细統统經经綜综綠绿",
    "維维網网綵彩線线編编緯纬縣县縫缝總总織织繩绳繼继纔才罈坛羅罗義义習习聖圣聯联聲声聳耸聶聂聽听脩修腳脚臥卧臨临臺台與与興兴舉举舊旧舘馆艦舰荊荆莊庄莿刺菓果華华菴庵菸烟萊莱萬万葉叶葯药蓆席蓋盖蓮莲蔔卜蔘参",
    "蔣蒋蔦茑蕭萧薑姜藍蓝藝艺藥药藺蔺蘆芦蘇苏蘋苹蘭兰蘿萝處处號号蝦虾蟲虫衆众術术衕同衖弄衚胡衛卫裏里補补裡里製制複复襪袜規规視视親亲覺觉觀观觴觞計计託托記记設设許许診诊証证詔诏詢询誌志語语誠诚誨诲課课談谈",
    "諧谐諮咨謙谦謝谢證证譚谭議议護护譽誉豐丰貝贝財财貨货販贩費费貿贸賀贺資资賈贾賓宾賜赐賢贤賣卖購购賽赛贏赢趙赵趨趋踐践躉趸車车軌轨軍军軒轩載载轉转辦办農农迴回迺乃這这連连週周進进遊游運运過过達达違违遙遥",
    "遜逊遠远邁迈還还邊边邨村郵邮鄉乡鄧邓鄭郑鄰邻醫医針针鈡钟鈴铃鉄铁鉅巨銀银鋁铝鋒锋鋪铺鋼钢錢钱錦锦錶表鍋锅鍼针鍾钟鎮镇鐘钟鐵铁長长門门閆闫開开間间閔闵閘闸閣阁閤合閻阎關关闞阚陰阴陳陈陸陆陽阳隊队際际隣邻",
    "險险隻只雋隽雙双雜杂雞鸡雲云電电靈灵靜静韆千韓韩頂顶項项順顺頓顿領领頤颐頭头顏颜願愿類类顧顾顯显風风颱台飯饭飲饮飾饰餃饺餅饼館馆饅馒馬马馮冯駐驻駕驾駱骆騎骑驛驿體体髮发鬆松鬍胡鬥斗鬧闹魚鱼魯鲁鮑鲍鮮鲜",
    "鯤鲲鱒鳟鱔鳝鳥鸟鳯凤鳳凤鴿鸽鵓鹁鵬鹏鵰雕鶴鹤鷄鸡鷺鹭鸝鹂鹼碱鹽盐麗丽麥麦麪面麯曲麴曲麵面黃黄點点齊齐齣出龍龙龐庞龔龚龜龟",
];

/// Groups of characters that look alike and do not sound alike.
const LOOK_ALIKE: &[&str] = &[
    "未末",
    "土士",
    "日曰目",
    "干千于",
    "天夫犬",
    "人入八",
    "王玉主",
    "博搏傅",
    "洪供",
    "崎琦",
    "苑宛",
    "徽微",
    "华毕",
    "卫工",
    "庄压",
    "龙尤",
    "风凤",
    "杨场扬",
    "榆愉",
    "幸辛",
    "闫闰",
    "官宫",
    "隽携",
    "晖辉",
    "锦绵棉",
    "银很",
    "治冶",
    "清情",
    "桥娇",
    "湖糊",
    "佳住",
    "怡恰",
    "景晾",
    "泰秦奉",
    "荣荥",
    "朱未",
    "孙孔",
    "赵起",
    "丁于",
    "韩朝",
    "刘对",
    "魏巍",
    "郭敦",
    "军车",
    "迎仰",
    "石右",
    "尹伊",
    "宝玉",
    "营菅",
    "万方",
    "付村",
    "苗苖",
    "候侯",
    "兴关",
    "永水",
    "平乎",
    "安女",
    "民氏",
    "延廷",
    "汇江",
    "沂沭",
    "柳抑",
    "阳阴",
    "鑫金",
    "茗名",
    "澜阑",
    "御卸",
    "翡悲",
    "翠萃",
    "园圆",
];

/// Characters that tell one place from its neighbour.
const TELLING: &str = "东西南北中上下前后左右新老旧大小内外";

static TO_SIMPLIFIED: LazyLock<HashMap<char, char>> = LazyLock::new(|| {
    let signs: Vec<char> = SIMPLIFIED.iter().flat_map(|line| line.chars()).collect();
    signs.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect()
});

/// The character as this room writes it: half-width, upper case, simplified; one sign for each sort of dash, comma and
/// bracket. `None` for what says nothing in an address, such as a quotation mark.
pub(super) fn folded(sign: char) -> Option<char> {
    let narrow = match sign {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(sign) - 0xfee0).unwrap_or(sign),
        _ => sign,
    };
    let sign = match narrow {
        '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' | 'ー' | '_' | '﹣' => '-',
        '〜' | '～' => '~',
        '，' | '、' | '；' | '。' | ';' | ':' | '.' | '․' | '|' => ',',
        '【' | '[' | '〔' | '{' | '《' => '(',
        '】' | ']' | '〕' | '}' | '》' => ')',
        'ㄧ' => '一',
        '○' | '◯' => '〇',
        '＃' | '﹟' | '♯' => '#',
        '·' | '・' | '•' | '\'' | '"' | '“' | '”' | '‘' | '’' | '`' | '№' | '!' | '?' => return None,
        sign if sign.is_whitespace() => ' ',
        sign if sign.is_control() || matches!(sign, '\u{200b}'..='\u{200f}' | '\u{feff}') => return None,
        sign => TO_SIMPLIFIED.get(&sign).copied().unwrap_or(sign),
    };
    Some(sign.to_ascii_uppercase())
}

/// Whether this is a Chinese character.
pub(super) fn is_han(sign: char) -> bool {
    matches!(sign, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{20000}'..='\u{323af}')
}

/// A number that is the same for characters that sound alike to an ear that does not tell zh from z, sh from s, ch from
/// c or ng from n, as most ears of the north and the south do not. Tones are ignored.
fn sound(sign: char) -> u32 {
    let Some(pinyin) = sign.to_pinyin() else {
        return u32::from(sign);
    };
    let plain = pinyin.plain();
    let (first, rest) = match plain.split_at(1) {
        (first @ ("z" | "c" | "s"), rest) => (first, rest.strip_prefix('h').unwrap_or(rest)),
        parts => parts,
    };
    let rest = rest.strip_suffix('g').unwrap_or(rest);
    // FNV-1a over at most six letters; the high bit keeps sounds apart from characters that have none.
    let letters = first.bytes().chain(rest.bytes());
    letters.fold(0x811c_9dc5_u32, |hash, letter| (hash ^ u32::from(letter)).wrapping_mul(0x0100_0193)) | 1 << 31
}

/// A sign with what it may be confused with, worked out once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sign {
    sign: char,
    /// See [`sound`].
    pub(super) sound: u32,
    /// A bit for each group of [`LOOK_ALIKE`] it is in.
    looks: u128,
    tells: bool,
}

impl Sign {
    pub(super) fn of(sign: char) -> Self {
        let looks = LOOKS.get(&sign).copied().unwrap_or(0);
        let tells = sign.is_ascii_alphanumeric() || TELLING.contains(sign);
        Self { sign, sound: sound(sign), looks, tells }
    }

    /// How far this written sign is from the `meant` one, in hundredths; see [`distance`].
    pub(super) fn from(self, meant: Self) -> u32 {
        if self.sign == meant.sign {
            0
        } else if self.tells && meant.tells {
            distance::TELLING
        } else if self.sound == meant.sound {
            distance::SOUND
        } else if self.looks & meant.looks != 0 {
            distance::LOOK
        } else if self.tells || meant.tells {
            distance::TELLING
        } else {
            distance::OTHER
        }
    }

    /// What it costs when this sign is missing or too many: a number or a side is never merely forgotten.
    pub(super) fn alone(self) -> u32 {
        if self.tells { distance::TELLING } else { distance::OTHER }
    }
}

static LOOKS: LazyLock<HashMap<char, u128>> = LazyLock::new(|| {
    let mut looks = HashMap::new();
    for (group, signs) in LOOK_ALIKE.iter().enumerate() {
        for sign in signs.chars() {
            *looks.entry(sign).or_default() |= 1_u128 << group;
        }
    }
    looks
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traditional_wide_and_small_characters_become_one_way_of_writing() {
        let folded: String = "臺南縣龍崎區Ａ棟３樓ｂ室—１２號，「」".chars().filter_map(folded).collect();
        assert_eq!(folded, "台南县龙崎区A栋3楼B室-12号,「」");
    }

    #[test]
    fn no_character_is_listed_twice_or_simplified_to_another_traditional_one() {
        let pairs: usize = SIMPLIFIED.iter().map(|line| line.chars().count() / 2).sum();
        assert_eq!(TO_SIMPLIFIED.len(), pairs);
        let again: Vec<_> = TO_SIMPLIFIED.values().filter(|sign| TO_SIMPLIFIED.contains_key(sign)).collect();
        assert!(again.is_empty(), "{again:?}");
    }

    #[test]
    fn what_sounds_or_looks_alike_is_near_and_what_tells_neighbours_apart_is_far() {
        let between = |written: char, meant: char| Sign::of(written).from(Sign::of(meant));
        assert!(LOOK_ALIKE.len() <= 128, "each group has a bit");
        assert_eq!(between('园', '园'), 0);
        assert_eq!(between('圆', '园'), distance::SOUND);
        assert_eq!(between('深', '森'), distance::SOUND);
        assert_eq!(between('末', '未'), distance::LOOK);
        assert_eq!(between('凤', '马'), distance::OTHER);
        assert_eq!(between('东', '西'), distance::TELLING);
        assert_eq!(between('冬', '东'), distance::SOUND);
        assert_eq!(between('2', '3'), distance::TELLING);
    }
}
