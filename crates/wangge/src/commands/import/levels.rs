//! Levels of a file of boundaries: which properties of a feature hold the codes and names of the areas it lies in.

use api::grids::v1::AreaKind;

use crate::cli;

/// One level, as `KIND:CODE_PROPERTY[:NAME_PROPERTY]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Level {
    /// What its areas are.
    pub(super) kind: AreaKind,
    /// The property that holds the code.
    pub(super) code_property: String,
    /// The property that holds the name; without one the code is the name.
    pub(super) name_property: Option<String>,
}

/// Reads a level. Only the kind is checked; whether the properties are there shows in the file.
pub(super) fn parse(text: &str) -> Result<Level, String> {
    let wrong = || {
        format!("{text:?} is no level; write KIND:CODE_PROPERTY:NAME_PROPERTY, such as micro-grid:VILLCODE:VILLNAME")
    };
    let mut parts = text.split(':');
    let (kind, code) = (parts.next().unwrap_or_default(), parts.next().filter(|code| !code.is_empty()));
    let name = parts.next();
    if code.is_none() || name.is_some_and(str::is_empty) || parts.next().is_some() {
        return Err(wrong());
    }
    let code_property = code.ok_or_else(wrong)?.to_owned();
    Ok(Level { kind: cli::area_kind(kind)?, code_property, name_property: name.map(str::to_owned) })
}

/// Refuses levels that are not coarsest first.
pub(super) fn check_order(levels: &[Level]) -> Result<(), String> {
    // An exclusive grid lies in a community, whatever else there is, so it may follow any coarser level.
    match levels.windows(2).find(|pair| pair[0].kind >= pair[1].kind) {
        None => Ok(()),
        Some(pair) => Err(format!(
            "levels go from the coarsest to the finest, so {} cannot come before {}",
            crate::words::AREA_KIND.say(pair[0].kind.into()),
            crate::words::AREA_KIND.say(pair[1].kind.into())
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_read_with_and_without_a_name_property() {
        let level = parse("micro-grid:VILLCODE:VILLNAME").unwrap();
        assert_eq!((level.kind, level.code_property.as_str()), (AreaKind::MicroGrid, "VILLCODE"));
        assert_eq!(level.name_property.as_deref(), Some("VILLNAME"));
        assert_eq!(parse("community:ID").unwrap().name_property, None);
    }

    #[test]
    fn what_is_no_level_is_answered_with_the_right_form() {
        for wrong in ["micro-grid", "micro-grid:", "micro-grid:A:", "micro-grid:A:B:C", ""] {
            let message = parse(wrong).unwrap_err();
            assert!(message.contains("KIND:CODE_PROPERTY") || message.contains("no kind of area"), "{message}");
        }
        assert!(parse("hamlet:A").unwrap_err().contains("micro-grid"));
    }

    #[test]
    fn levels_go_from_coarse_to_fine() {
        let levels = |texts: &[&str]| texts.iter().map(|text| parse(text).unwrap()).collect::<Vec<_>>();
        assert!(check_order(&levels(&["county:A", "community:B", "micro-grid:C"])).is_ok());
        assert!(
            check_order(&levels(&["micro-grid:C", "community:B"]))
                .unwrap_err()
                .contains("micro-grid cannot come before")
        );
        assert!(check_order(&levels(&["community:A", "community:B"])).is_err());
    }
}
