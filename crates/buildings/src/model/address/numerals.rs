//! Numbers in Chinese characters: 三, 二十一, 一百零八, and 五零一 read sign by sign.

/// The digit a numeral stands for, the formal ones of contracts included.
fn digit(sign: char) -> Option<u32> {
    Some(match sign {
        '零' | '〇' => 0,
        '一' | '壹' => 1,
        '二' | '贰' => 2,
        '三' | '叁' => 3,
        '四' | '肆' => 4,
        '五' | '伍' => 5,
        '六' | '陆' => 6,
        '七' | '柒' => 7,
        '八' | '捌' => 8,
        '九' | '玖' => 9,
        _ => return None,
    })
}

/// The power of ten a numeral stands for.
fn power(sign: char) -> Option<u32> {
    match sign {
        '十' | '拾' => Some(10),
        '百' | '佰' => Some(100),
        '千' | '仟' => Some(1_000),
        _ => None,
    }
}

/// Whether this character can be part of a number.
pub(super) fn is_numeral(sign: char) -> bool {
    digit(sign).is_some() || power(sign).is_some()
}

/// The digits of a run of numerals: by place where it names powers of ten (二十一 is 21), else sign by sign (五零一 is
/// 501). `None` where the run is a word: a lone 百 or 千, as in 百货 and 千山.
pub(super) fn digits(run: &[char]) -> Option<String> {
    if !run.iter().any(|&sign| power(sign).is_some()) {
        return run.iter().map(|&sign| digit(sign).and_then(|value| char::from_digit(value, 10))).collect();
    }
    if !run.iter().any(|&sign| digit(sign).is_some()) && run != ['十'] && run != ['拾'] {
        return None;
    }
    let (mut sum, mut pending) = (0_u32, None);
    let mut last_power = 10;
    for &sign in run {
        if let Some(power) = power(sign) {
            // 十二 leaves out the one of 一十二.
            sum += pending.take().unwrap_or(u32::from(power == 10 && sum == 0)) * power;
            last_power = power;
        } else {
            pending = digit(sign);
            last_power = if pending == Some(0) { 10 } else { last_power };
        }
    }
    // 二百五 is 250: a last digit without its power stands one place below the power before it.
    let last = pending.unwrap_or(0) * (last_power / 10).max(1);
    Some((sum + last).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numerals_are_read_by_place_or_sign_by_sign() {
        let cases = [
            ("三", "3"),
            ("十", "10"),
            ("十二", "12"),
            ("二十", "20"),
            ("二十一", "21"),
            ("一百零八", "108"),
            ("一百一十", "110"),
            ("一百二", "120"),
            ("一千二百零三", "1203"),
            ("五零一", "501"),
            ("一二〇三", "1203"),
            ("壹", "1"),
            ("贰拾叁", "23"),
        ];
        for (written, meant) in cases {
            assert_eq!(digits(&written.chars().collect::<Vec<_>>()).as_deref(), Some(meant), "{written}");
        }
    }

    #[test]
    fn a_power_of_ten_alone_is_a_word() {
        assert_eq!(digits(&['百']), None);
        assert_eq!(digits(&['千']), None);
    }
}
