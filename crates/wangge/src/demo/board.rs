//! The live board: numbers in, lines out. Pure, so that every line of it can be tested.
//!
//! Chinese characters are two columns wide; everything is aligned by columns, never by characters. Not here: where the
//! numbers come from, and the terminal.

use base::Time;
use console::{Alignment, Style, measure_text_width, pad_str, truncate_str};

use super::meter::Reading;
use super::tally::{ACCEPT_MINUTES, HOUR_COUNT};
use crate::generate::day::HOURS;

/// The board is never wider.
pub(super) const WIDTH_MAX: usize = 100;
/// A narrower terminal gets English labels only and no channels.
const WIDTH_WIDE: usize = 98;
/// Lines besides the last changes, and one for the cursor.
const LINES_FIXED: usize = 21;
/// Last changes, at least and at most.
const CHANGES: (usize, usize) = (3, 12);

/// A part of a whole, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) part: u64,
    pub(super) whole: u64,
}

/// One community.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) open: u64,
    pub(super) overdue: u64,
    pub(super) closed: u64,
}

/// One change of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) time: Time,
    /// The running number of the day.
    pub(super) number: String,
    /// The micro-grid, or the exclusive grid.
    pub(super) place: String,
    pub(super) worker: String,
    pub(super) channel: String,
    pub(super) category: String,
    pub(super) state: String,
    pub(super) overdue: bool,
}

/// Many reports alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hotspot {
    pub(super) category: String,
    pub(super) reports: usize,
    /// It is the largest of the day so far, and over.
    pub(super) is_over: bool,
    pub(super) places: Vec<String>,
    pub(super) channels: Vec<String>,
}

/// Everything the board shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct View {
    pub(super) now: Time,
    /// What the demo is doing, such as the speed.
    pub(super) note: String,
    pub(super) reported: u64,
    pub(super) open: u64,
    pub(super) overdue: u64,
    pub(super) closed: u64,
    pub(super) refused: u64,
    pub(super) accepted_in_time: Share,
    pub(super) resolved_in_time: Share,
    pub(super) communities: Vec<Row>,
    pub(super) hours: [u32; HOUR_COUNT],
    pub(super) changes: Vec<Change>,
    pub(super) hotspot: Option<Hotspot>,
    pub(super) calls: Reading,
}

/// The lines of the board for a terminal of so many columns and rows; no line is wider.
pub(super) fn lines(view: &View, columns: usize, rows: usize) -> Vec<String> {
    let width = columns.min(WIDTH_MAX);
    let wide = width >= WIDTH_WIDE;
    let mut lines = vec![title(view, width), totals(view, wide), rates(view, wide), hours(view, wide)];
    lines.push(rule("各社区 communities", width));
    lines.extend(communities(&view.communities, wide));
    lines.push(rule("最新动态 latest changes", width));
    let room = rows.saturating_sub(LINES_FIXED).clamp(CHANGES.0, CHANGES.1);
    // Lines without a change keep the board from jumping in the first minute.
    lines.extend((0..room).map(|index| view.changes.get(index).map_or_else(String::new, |one| change(one, wide))));
    lines.push(hotspot(view.hotspot.as_ref()));
    lines.push(rule("", width));
    lines.push(calls(&view.calls));
    lines.into_iter().map(|line| truncate_str(&line, width, "…").into_owned()).collect()
}

/// The state of the day in one line, for a log instead of a terminal.
pub(super) fn summary(view: &View) -> String {
    let current = view.hotspot.as_ref().filter(|spot| !spot.is_over);
    let spot = current.map_or_else(String::new, |spot| {
        format!("  hot spot {} x{} in {}", spot.category, spot.reports, spot.places.join(" "))
    });
    format!(
        "{}  reported {:>3}  open {:>3}  overdue {:>2}  closed {:>3}  accepted in time {:>7}  resolved in time {:>7}  \
         {:>4.0} calls/s p99 {:>4.1} ms{spot}",
        clock(view.now),
        view.reported,
        view.open,
        view.overdue,
        view.closed,
        percent(view.accepted_in_time),
        percent(view.resolved_in_time),
        view.calls.per_second,
        view.calls.p99_ms,
    )
}

/// `97.7 %`, or a dash while there is nothing to divide by.
pub(super) fn percent(share: Share) -> String {
    if share.whole == 0 {
        return "–".to_owned();
    }
    // Tenths of a percent in whole numbers: counts are exact, and so is this.
    let tenths = share.part * 1_000 / share.whole;
    format!("{}.{} %", tenths / 10, tenths % 10)
}

fn title(view: &View, width: usize) -> String {
    let name = Style::new().bold().apply_to("网格 Wangge · 坛山街道 370404001");
    let made_up = if width < WIDTH_WIDE { "" } else { " borders and people made up" };
    let time = Style::new().bold().cyan().apply_to(format!("{} {}", view.now.civil_day(), clock(view.now)));
    let left = format!(" {name}{}", Style::new().dim().apply_to(made_up));
    let right = format!("{}  {time} ", Style::new().dim().apply_to(&view.note));
    let gap = width.saturating_sub(measure_text_width(&left) + measure_text_width(&right));
    format!("{left}{}{right}", " ".repeat(gap))
}

fn totals(view: &View, wide: bool) -> String {
    let bold = Style::new().bold();
    let late = if view.overdue > 0 { Style::new().bold().red() } else { bold.clone() };
    let parts = [
        ("上报 ", "reported", view.reported, bold.clone()),
        ("在办 ", "open", view.open, Style::new().bold().yellow()),
        ("超时 ", "overdue", view.overdue, late),
        ("办结 ", "closed", view.closed, Style::new().bold().green()),
        ("不予受理 ", "refused", view.refused, bold),
    ];
    let parts = parts.map(|(chinese, english, count, style)| {
        let chinese = if wide { chinese } else { "" };
        format!("{chinese}{english} {}", style.apply_to(format!("{count:>4}")))
    });
    format!(" {}", parts.join("   "))
}

fn rates(view: &View, wide: bool) -> String {
    let accepted = format!("accepted in {ACCEPT_MINUTES} min");
    let parts = [
        ("受理及时 ", accepted.as_str(), view.accepted_in_time),
        ("按时处置 ", "resolved in time", view.resolved_in_time),
        ("办结率 ", "closed", Share { part: view.closed, whole: view.reported }),
    ];
    let parts = parts.map(|(chinese, english, share)| {
        let chinese = if wide { chinese } else { "" };
        format!("{chinese}{english} {}", pad(&percent(share), 7, Alignment::Right))
    });
    format!(" {}", parts.join("   "))
}

/// Reports by hour, as bars.
fn hours(view: &View, wide: bool) -> String {
    const BARS: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
    let most = view.hours.iter().max().copied().unwrap_or(0).max(1);
    let height = |count: u32| usize::try_from((count * 8).div_ceil(most)).unwrap_or(8);
    let bars: String = view.hours.iter().map(|count| BARS[height(*count)].repeat(2) + " ").collect();
    let bars = Style::new().cyan().apply_to(bars);
    let scale = if wide { format!("   most {most}") } else { String::new() };
    format!(" 时段 reports by hour {:02}:00 {bars}{:02}:00{scale}", HOURS.0, HOURS.1)
}

/// Two communities on a line, the first half on the left.
fn communities(rows: &[Row], wide: bool) -> Vec<String> {
    let half = rows.len().div_ceil(2);
    let heads = if wide {
        ["社区 community", "在办 open", "超时 late", "办结 closed"]
    } else {
        ["community", "open", "late", "closed"]
    };
    let head = cells(&heads.map(|head| (head.to_owned(), Style::new().dim())), wide);
    let mut lines = vec![format!(" {head}  │  {head}")];
    for index in 0..half {
        let right = rows.get(half + index).map_or_else(String::new, |row| community(row, wide));
        lines.push(format!(" {}  │  {right}", community(&rows[index], wide)));
    }
    lines
}

fn community(row: &Row, wide: bool) -> String {
    let count = |count: u64, busy: Style| (count.to_string(), if count == 0 { Style::new().dim() } else { busy });
    let counts = [
        (row.name.clone(), Style::new()),
        count(row.open, Style::new().yellow()),
        count(row.overdue, Style::new().bold().red()),
        count(row.closed, Style::new().green()),
    ];
    cells(&counts, wide)
}

fn cells(texts: &[(String, Style); 4], wide: bool) -> String {
    let widths = if wide { [14, 9, 9, 11] } else { [12, 6, 6, 6] };
    let mut line = Vec::new();
    for (index, ((text, style), width)) in texts.iter().zip(widths).enumerate() {
        let side = if index == 0 { Alignment::Left } else { Alignment::Right };
        line.push(style.apply_to(pad(text, width, side)).to_string());
    }
    line.join(" ")
}

/// One change as a line.
pub(super) fn change(change: &Change, wide: bool) -> String {
    let state = match change.state.as_str() {
        _ if change.overdue => Style::new().red(),
        "已结案" => Style::new().green(),
        "待受理" => Style::new().yellow(),
        _ => Style::new(),
    };
    let late = Style::new().red().apply_to(if change.overdue { "超时" } else { "" });
    let channel = if wide { pad(&change.channel, 13, Alignment::Left) + " " } else { String::new() };
    format!(
        " {} {} {} {} {channel}{} {}{late}",
        Style::new().dim().apply_to(clock(change.time)),
        pad(&change.number, 4, Alignment::Left),
        pad(&change.place, 16, Alignment::Left),
        pad(&change.worker, 12, Alignment::Left),
        pad(&change.category, 18, Alignment::Left),
        state.apply_to(pad(&change.state, 9, Alignment::Left)),
    )
}

fn hotspot(spot: Option<&Hotspot>) -> String {
    let is_over = spot.is_none_or(|spot| spot.is_over);
    let label = if is_over { Style::new().dim() } else { Style::new().bold().red() };
    match spot {
        None => label.apply_to(" 热点 hot spot  none").to_string(),
        Some(spot) => format!(
            " {} {} {} {} · {} · {}",
            label.apply_to("热点 hot spot"),
            spot.category,
            label.apply_to(format!("×{}", spot.reports)),
            if spot.is_over { "earlier today" } else { "in the last hour" },
            spot.places.join(" "),
            spot.channels.join(" "),
        ),
    }
}

fn calls(calls: &Reading) -> String {
    let failed = if calls.failed > 0 { Style::new().bold().red() } else { Style::new().dim() };
    format!(
        " gRPC {:>4.0} calls/s   p50 {:>4.1} ms   p99 {:>5.1} ms   {} calls   {}",
        calls.per_second,
        calls.p50_ms,
        calls.p99_ms,
        calls.total,
        failed.apply_to(format!("{} failed", calls.failed)),
    )
}

fn rule(label: &str, width: usize) -> String {
    let head = if label.is_empty() { String::new() } else { format!("── {label} ") };
    let rest = "─".repeat(width.saturating_sub(measure_text_width(&head)));
    Style::new().dim().apply_to(format!("{head}{rest}")).to_string()
}

/// Exactly so many columns: longer text ends in an ellipsis.
fn pad(text: &str, columns: usize, side: Alignment) -> String {
    pad_str(text, columns, side, Some("…")).into_owned()
}

/// The civil time of day: `10:42:05`.
fn clock(time: Time) -> String {
    let second = time.second_of_day();
    format!("{:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::places::COMMUNITIES;

    fn view() -> View {
        let now = Time::parse("2026-06-16 10:42:05").unwrap();
        let change = |number: &str, place: &str, worker: &str, state: &str, overdue| Change {
            time: now,
            number: number.to_owned(),
            place: place.to_owned(),
            worker: worker.to_owned(),
            channel: "视频智能识别".to_owned(),
            category: "电动自行车违规充电".to_owned(),
            state: state.to_owned(),
            overdue,
        };
        View {
            now,
            note: "450x".to_owned(),
            reported: 132,
            open: 57,
            overdue: 3,
            closed: 73,
            refused: 2,
            accepted_in_time: Share { part: 129, whole: 132 },
            resolved_in_time: Share { part: 82, whole: 83 },
            communities: (0_u64..)
                .zip(COMMUNITIES)
                .map(|(open, (_, name))| Row { name: name.to_owned(), open, overdue: open % 3, closed: 12 })
                .collect(),
            hours: [3, 9, 20, 15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            changes: vec![
                change("0132", "工农1-3微网格", "王秀英", "处置中", false),
                change("0131", "岳庄实验中学", "鲍爱芹(学校安全员)", "待处置", true),
            ],
            hotspot: Some(Hotspot {
                category: "供水管道爆裂".to_owned(),
                reports: 9,
                is_over: false,
                places: vec!["徐楼2-1微网格".to_owned(), "徐楼2-2微网格".to_owned()],
                channels: vec!["12345热线".to_owned(), "物联感知".to_owned()],
            }),
            calls: Reading { total: 12_345, failed: 0, per_second: 41.0, p50_ms: 1.92, p99_ms: 8.13 },
        }
    }

    fn plain(view: &View, columns: usize, rows: usize) -> Vec<String> {
        lines(view, columns, rows).iter().map(|line| console::strip_ansi_codes(line).into_owned()).collect()
    }

    #[test]
    fn the_board_says_what_the_numbers_say() {
        let lines = plain(&view(), 100, 40);
        assert!(lines[0].starts_with(" 网格 Wangge · 坛山街道 370404001"));
        assert!(lines[0].ends_with("450x  2026-06-16 10:42:05 "));
        assert_eq!(
            lines[1],
            " 上报 reported  132   在办 open   57   超时 overdue    3   办结 closed   73   不予受理 refused    2"
        );
        assert_eq!(
            lines[2],
            " 受理及时 accepted in 30 min  97.7 %   按时处置 resolved in time  98.7 %   办结率 closed  55.3 %"
        );
        assert!(lines[3].contains(" 07:00 ▂▂ ▄▄ ██ ▆▆ "), "{}", lines[3]);
        assert!(lines.iter().any(|line| line.contains(
            "热点 hot spot 供水管道爆裂 ×9 in the last hour · 徐楼2-1微网格 徐楼2-2微网格 · 12345热线 物联感知"
        )));
        assert_eq!(lines.last().unwrap(), " gRPC   41 calls/s   p50  1.9 ms   p99   8.1 ms   12345 calls   0 failed");
    }

    #[test]
    fn columns_are_aligned_although_chinese_characters_are_two_wide() {
        let lines = plain(&view(), 100, 40);
        let bar = |line: &String| line.find('│').map(|at| measure_text_width(&line[..at]));
        let bars: Vec<usize> = lines.iter().filter_map(bar).collect();
        assert_eq!(bars.len(), 11);
        assert!(bars.iter().all(|at| *at == bars[0]), "{bars:?}");
        let category = |line: &&String| line.find("电动自行车").map(|at| measure_text_width(&line[..at]));
        let places: Vec<usize> = lines.iter().filter_map(|line| category(&line)).collect();
        assert_eq!(places.len(), 2);
        assert_eq!(places[0], places[1]);
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_and_the_height_stays_the_same() {
        for (columns, rows) in [(100, 40), (99, 40), (80, 24), (60, 24), (200, 60)] {
            let full = lines(&view(), columns, rows);
            let empty = lines(&View { communities: view().communities, ..View::default() }, columns, rows);
            assert!(full.iter().all(|line| measure_text_width(line) <= columns.min(WIDTH_MAX)));
            assert_eq!(full.len(), empty.len());
            assert!(full.len() < rows, "{} lines in {rows} rows", full.len());
        }
    }

    #[test]
    fn a_terminal_of_eighty_columns_loses_words_but_no_numbers_and_no_state() {
        let lines = plain(&view(), 80, 24);
        assert!(lines[0].ends_with("2026-06-16 10:42:05 "));
        assert_eq!(lines[1], " reported  132   open   57   overdue    3   closed   73   refused    2");
        assert!(lines[2].ends_with("closed  55.3 %"));
        assert!(lines.iter().any(|line| line.starts_with(" 工农社区") && line.ends_with(" 12")));
        assert!(lines.iter().any(|line| line.contains(" 0131 岳庄实验中学") && line.ends_with("待处置   超时")));
        let hot_spot = lines.len() - 3;
        let ended: Vec<usize> =
            (0..lines.len()).filter(|index| lines[*index].ends_with('…') && *index != hot_spot).collect();
        assert!(ended.is_empty(), "only the hot spot may be cut: {lines:#?}");
    }

    #[test]
    fn a_rate_without_a_whole_is_a_dash_and_rates_are_never_rounded_up_to_a_hundred() {
        assert_eq!(percent(Share::default()), "–");
        assert_eq!(percent(Share { part: 1_999, whole: 2_000 }), "99.9 %");
        assert_eq!(percent(Share { part: 7, whole: 7 }), "100.0 %");
    }

    #[test]
    fn the_line_for_a_log_holds_the_same_numbers() {
        let line = summary(&view());
        assert!(line.starts_with("10:42:05  reported 132  open  57  overdue  3  closed  73"), "{line}");
        assert!(line.ends_with("hot spot 供水管道爆裂 x9 in 徐楼2-1微网格 徐楼2-2微网格"), "{line}");
    }
}
