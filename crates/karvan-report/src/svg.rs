//! Writing SVG: escaping and numbers.

use std::fmt::Write;

/// A text made safe between tags and in quoted attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// A coordinate to a tenth of a pixel, as short as it goes.
pub(crate) fn px(v: f64) -> String {
    let r = (v * 10.0).round() / 10.0;
    if r == 0.0 { "0".into() } else { r.to_string() }
}

/// A path through points, closed or not, in relative steps to stay short.
pub(crate) fn path(points: impl IntoIterator<Item = (f64, f64)>, closed: bool, out: &mut String) {
    let tenth = |v: f64| (v * 10.0).round() as i64;
    let text = |t: i64| px(t as f64 / 10.0);
    let mut at: Option<(i64, i64)> = None;
    for (x, y) in points {
        let p = (tenth(x), tenth(y));
        match at {
            None => {
                let _ = write!(out, "M{} {}", text(p.0), text(p.1));
                out.push('l');
            }
            Some(q) if p != q => {
                let (dx, dy) = (text(p.0 - q.0), text(p.1 - q.1));
                let first = out.ends_with('l');
                let space = if first || dx.starts_with('-') { "" } else { " " };
                let between = if dy.starts_with('-') { "" } else { " " };
                let _ = write!(out, "{space}{dx}{between}{dy}");
            }
            Some(_) => {}
        }
        at = Some(p);
    }
    if out.ends_with('l') {
        out.push_str("0 0");
    }
    if closed && at.is_some() {
        out.push('z');
    }
}

/// Columns a text takes, in em of a usual sans-serif face, on the safe side.
pub(crate) fn em_width(text: &str) -> f64 {
    use unicode_width::UnicodeWidthChar;
    text.chars()
        .map(|c| match (c, c.width().unwrap_or(0)) {
            (_, 0) => 0.0,
            (_, 2) => 1.0,
            (' ' | '.' | ',' | '\'' | 'i' | 'l' | 'j' | 't' | 'f' | 'r' | 'I' | '|' | '(' | ')', _) => 0.34,
            ('m' | 'w' | 'M' | 'W' | 'ш' | 'щ' | 'ж' | 'ю' | 'Ш' | 'Щ' | 'Ж' | 'Ю' | 'м' | '→', _) => {
                0.88
            }
            (c, _) if c.is_uppercase() => 0.7,
            (c, _) if ('\u{10a0}'..='\u{10ff}').contains(&c) => 0.66,
            _ => 0.58,
        })
        .sum()
}

/// Round steps for an axis from 0 to `top`: at most `most` of them, of 1, 2, 2.5 or 5 times a power of ten.
pub(crate) fn step(top: f64, most: f64) -> f64 {
    if !(top.is_finite() && top > 0.0) {
        return 1.0;
    }
    let raw = top / most;
    let power = 10f64.powf(raw.log10().floor());
    let times = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().find(|m| m * power >= raw * 0.999_999).unwrap_or(10.0);
    times * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_short_and_right() {
        let mut d = String::new();
        path([(1.0, 2.0), (2.0, 1.5), (2.0, 1.5), (3.25, 4.0)], true, &mut d);
        assert_eq!(d, "M1 2l1-0.5 1.3 2.5z");
    }

    #[test]
    fn steps_are_round() {
        assert_eq!(step(7.3, 8.0), 1.0);
        assert_eq!(step(48_000.0, 6.0), 10_000.0);
        assert_eq!(step(0.0, 6.0), 1.0);
    }

    #[test]
    fn tags_cannot_be_smuggled_in() {
        assert_eq!(escape("<script>\"&'"), "&lt;script&gt;&quot;&amp;&#39;");
    }
}
