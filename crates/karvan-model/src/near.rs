/// The text most like `given` among those allowed, if any is like it at all: for "did you mean".
pub fn nearest<'a>(given: &str, among: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given = given.to_lowercase();
    // A long text is no slip of the pen, and comparing it costs its square.
    if given.is_empty() || given.len() > 200 {
        return None;
    }
    let mut best: Option<(f64, &str)> = None;
    for candidate in among {
        let score = strsim::jaro_winkler(&given, &candidate.to_lowercase());
        if score > best.map_or(0.82, |b| b.0) {
            best = Some((score, candidate));
        }
    }
    best.map(|b| b.1)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_of_the_pen_is_found_and_nonsense_is_not() {
        assert_eq!(nearest("lenght_km", ["length_km", "link", "gauge_mm"]), Some("length_km"));
        assert_eq!(nearest("zzz", ["length_km", "link"]), None);
    }
}
