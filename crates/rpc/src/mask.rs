//! Masks of personal fields, and how to recognise one that comes back.
//!
//! A masked value that a client writes back would replace the real one, so input that looks masked is refused.

/// A name with only its first character: 张三 → 张*.
pub fn name(name: &str) -> String {
    name.chars().next().map_or_else(String::new, |first| format!("{first}*"))
}

/// A phone number with its first three and last four digits: 138****1234. Short numbers keep their last two.
pub fn phone(phone: &str) -> String {
    let characters: Vec<char> = phone.chars().collect();
    let tail = |from: usize| characters[from..].iter().collect::<String>();
    match characters.len() {
        0 => String::new(),
        1..=7 => format!("****{}", tail(characters.len().saturating_sub(2))),
        length => format!("{}****{}", characters[..3].iter().collect::<String>(), tail(length - 4)),
    }
}

/// A number that identifies somebody, with its first and last four characters: 3703**********1234. Short numbers keep
/// their last two.
pub fn identity(number: &str) -> String {
    let characters: Vec<char> = number.chars().collect();
    let part = |from: usize, to: usize| characters[from..to].iter().collect::<String>();
    match characters.len() {
        0 => String::new(),
        length @ 1..=9 => format!("****{}", part(length.saturating_sub(2), length)),
        length => format!("{}{}{}", part(0, 4), "*".repeat(length - 8), part(length - 4, length)),
    }
}

/// A free text with nothing left of it but that there is one.
pub fn text(text: &str) -> String {
    if text.is_empty() { String::new() } else { "***".to_owned() }
}

/// Whether a value looks like one of our masks, in half or full width.
pub fn is_masked(value: &str) -> bool {
    value.contains(['*', '＊'])
}

/// Whether a free text looks like one of our masks. A single `*` is none: real addresses write the corner of two
/// streets with it, 中華路*中正南路.
pub fn is_masked_text(text: &str) -> bool {
    ["**", "＊＊"].iter().any(|stars| text.contains(stars)) || is_masked(text) && text.trim().chars().count() == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_keep_what_a_desk_needs_to_tell_people_apart() {
        assert_eq!(name("张三"), "张*");
        assert_eq!(phone("13812341234"), "138****1234");
        assert_eq!(phone("12345"), "****45");
        assert_eq!(identity("370311199001011234"), "3703**********1234");
        assert_eq!(identity("E123"), "****23");
        assert_eq!((name(""), phone(""), text("")), (String::new(), String::new(), String::new()));
    }

    #[test]
    fn every_mask_is_recognised_when_it_comes_back() {
        for masked in
            [name("张三"), phone("13812341234"), phone("12345"), identity("370311199001011234"), text("somewhere")]
        {
            assert!(is_masked(&masked), "{masked}");
        }
        assert!(is_masked("138＊＊＊＊1234"));
        assert!(!is_masked("13812341234"));
        assert!(is_masked_text(&text("somewhere")) && is_masked_text("光明路＊＊号") && is_masked_text("*"));
        assert!(!is_masked_text("永康區中華路*中正南路") && !is_masked_text(""));
    }
}
