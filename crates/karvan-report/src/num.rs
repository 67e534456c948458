//! Numbers, durations and dates in print.

use jiff::Zoned;
use jiff::civil::Date;
use karvan_units::Estimate;

use crate::text::Text;

/// How numbers are written: what stands between thousands, and before decimals.
#[derive(Clone, Copy)]
pub(crate) struct Style<'a> {
    group: &'a str,
    point: &'a str,
}

/// As in English and in the terminal.
pub(crate) const PLAIN: Style<'static> = Style { group: ",", point: "." };

impl<'a> Style<'a> {
    pub(crate) fn of(text: &'a Text) -> Self {
        Self { group: text.get("unit.group"), point: text.get("unit.point") }
    }

    /// A number with so many decimals; `–` where it is not finite.
    pub(crate) fn fixed(self, value: f64, decimals: usize) -> String {
        if !value.is_finite() {
            return "–".into();
        }
        let plain = format!("{:.decimals$}", value.abs());
        let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
        let mut out = String::new();
        if value < 0.0 && plain.chars().any(|c| matches!(c, '1'..='9')) {
            out.push('−');
        }
        for (i, c) in whole.chars().enumerate() {
            if i > 0 && (whole.len() - i) % 3 == 0 {
                out.push_str(self.group);
            }
            out.push(c);
        }
        if !fraction.is_empty() {
            out.push_str(self.point);
            out.push_str(fraction);
        }
        out
    }

    /// At most so many decimals: `12`, `12.5`.
    pub(crate) fn short(self, value: f64, decimals: usize) -> String {
        let s = self.fixed(value, decimals);
        if decimals > 0 && s.contains(self.point) {
            s.trim_end_matches('0').trim_end_matches(self.point).to_owned()
        } else {
            s
        }
    }

    /// Dollars, rounded as far as anybody knows them: to 1 below a thousand, to 10 below a hundred
    /// thousand, to 100 above.
    pub(crate) fn money(self, usd: f64) -> String {
        let step = match usd.abs() {
            v if v < 1e3 => 1.0,
            v if v < 1e5 => 10.0,
            _ => 100.0,
        };
        self.fixed((usd / step).round() * step, 0)
    }

    /// The range of an amount, `48,300–79,900`; nothing where it has none that would print.
    pub(crate) fn range(self, e: Estimate) -> Option<String> {
        let (low, high) = (self.money(e.low), self.money(e.high));
        (low != high).then(|| format!("{low}–{high}"))
    }

    /// Tonnes of kilograms: one decimal from ten on, two below.
    pub(crate) fn tonnes_of_kg(self, kg: f64) -> String {
        let t = kg / 1000.0;
        self.fixed(t, if t.abs() < 9.95 { 2 } else { 1 })
    }

    /// A share as per cent, never rounded up to a certainty: `99.7` stays below 100.
    pub(crate) fn percent(self, share: f64) -> String {
        let p = share * 100.0;
        if (p > 99.5 && p < 100.0) || (p > 0.0 && p < 0.5) {
            self.fixed(p.clamp(0.1, 99.9), 1)
        } else {
            self.fixed(p, 0)
        }
    }
}

/// Days and hours: `5 d 7 h`, `30.5 h` below two days.
pub(crate) fn duration(text: &Text, hours: f64) -> String {
    let style = Style::of(text);
    if !hours.is_finite() {
        return "–".into();
    }
    if hours < 48.0 {
        return text.fill("unit.hours", &[("n", &style.short(hours, 1))]);
    }
    let whole = hours.round();
    let (days, rest) = ((whole / 24.0).floor(), whole % 24.0);
    text.fill("unit.d_h", &[("d", &style.fixed(days, 0)), ("h", &style.fixed(rest, 0))])
}

/// Offset from UTC: `+04:00` as `+04`, `+05:30` whole.
pub(crate) fn offset(z: &Zoned) -> String {
    let minutes = z.offset().seconds() / 60;
    let sign = if minutes < 0 { '−' } else { '+' };
    let (h, m) = (minutes.abs() / 60, minutes.abs() % 60);
    if m == 0 { format!("{sign}{h:02}") } else { format!("{sign}{h:02}:{m:02}") }
}

/// `2025-12-18 08:30`, to the minute.
pub(crate) fn stamp(z: &Zoned) -> String {
    z.strftime("%Y-%m-%d %H:%M").to_string()
}

/// `18 Dec 2025`.
pub(crate) fn date(text: &Text, d: Date) -> String {
    format!("{} {} {}", d.day(), text.month(d.month()), d.year())
}

/// `18 Dec`.
pub(crate) fn day_month(text: &Text, d: Date) -> String {
    format!("{} {}", d.day(), text.month(d.month()))
}

/// `18 Dec 2025, 08:30 UTC+04`.
pub(crate) fn moment(text: &Text, z: &Zoned) -> String {
    format!("{}, {} UTC{}", date(text, z.date()), z.strftime("%H:%M"), offset(z))
}

/// `18 Dec, 08:30`.
pub(crate) fn short_moment(text: &Text, z: &Zoned) -> String {
    format!("{}, {}", day_month(text, z.date()), z.strftime("%H:%M"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Lang;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(PLAIN.fixed(1234567.891, 1), "1,234,567.9");
        assert_eq!(PLAIN.fixed(-0.04, 1), "0.0");
        assert_eq!(PLAIN.fixed(f64::NAN, 1), "–");
        assert_eq!(PLAIN.short(12.0, 1), "12");
        assert_eq!(PLAIN.short(100.0, 0), "100");
        assert_eq!(PLAIN.money(61_234.0), "61,230");
        assert_eq!(PLAIN.money(161_234.0), "161,200");
        assert_eq!(PLAIN.percent(0.9996), "99.9");
        assert_eq!(PLAIN.percent(1.0), "100");
        assert_eq!(Style::of(Lang::Ru.text()).fixed(1234.5, 1), "1\u{202f}234,5");
    }

    #[test]
    fn durations_are_days_and_hours() {
        assert_eq!(duration(Lang::En.text(), 30.5), "30.5 h");
        assert_eq!(duration(Lang::En.text(), 127.4), "5 d 7 h");
        assert_eq!(duration(Lang::En.text(), 71.8), "3 d 0 h");
    }
}
