//! Answers made by hand for the tests. Shaped as the engine makes them; their figures are invented.
#![allow(dead_code, missing_docs, reason = "each test file uses its part")]

use jiff::{SignedDuration, Zoned};
use karvan_plan::answer::*;
use karvan_units::{Estimate, Hours, KgCo2e, Km, Tonnes};

pub fn stop(id: &str, name: &str, ru: &str, state: &str, code: &str, lon: f64, lat: f64) -> Stop {
    let text = |s: &str| (!s.is_empty()).then(|| s.to_owned());
    Stop {
        id: id.into(),
        name: name.into(),
        name_ru: text(ru),
        state: text(state),
        code: text(code),
        lon,
        lat,
    }
}

pub fn est(low: f64, best: f64, high: f64) -> Estimate {
    Estimate { low, best, high }
}

pub fn units(equipment: &str, name: &str, unit: &str, count: f64, load_t: f64) -> Units {
    Units { equipment: equipment.into(), name: name.into(), unit: unit.into(), count, load_t }
}

struct Draft {
    depart: Zoned,
    now_h: f64,
    units: Units,
    legs: Vec<Leg>,
}

fn zone(state: Option<&str>) -> &'static str {
    match state {
        Some("AZ") => "Asia/Baku",
        Some("GE") => "Asia/Tbilisi",
        Some("AM") => "Asia/Yerevan",
        Some("KZ") => "Asia/Almaty",
        Some("TR") => "Europe/Istanbul",
        _ => "UTC",
    }
}

impl Draft {
    fn new(depart: &str, units: Units) -> Self {
        Self { depart: depart.parse().unwrap(), now_h: 0.0, units, legs: Vec::new() }
    }

    fn at(&self, h: f64, state: Option<&str>) -> Zoned {
        let t = &self.depart + SignedDuration::from_secs((h * 3600.0).round() as i64);
        // Fixed offsets, so that the tests need no time-zone database beyond the one compiled in.
        let hours = match zone(state) {
            "Asia/Baku" | "Asia/Tbilisi" | "Asia/Yerevan" => 4,
            "Asia/Almaty" => 5,
            "Europe/Istanbul" => 3,
            _ => 0,
        };
        t.with_time_zone(jiff::tz::TimeZone::fixed(jiff::tz::offset(hours)))
    }

    #[allow(clippy::too_many_arguments, reason = "a table of legs reads best as rows")]
    fn leg(
        mut self,
        kind: LegKind,
        title: &str,
        mode: &str,
        from: &Stop,
        to: &Stop,
        km: f64,
        h: f64,
        waiting: f64,
        prices: Vec<Price>,
        co2e: f64,
        line: &[[f64; 2]],
    ) -> Self {
        let haul = kind == LegKind::Haul;
        // `rail through AZ` lies in AZ.
        let named =
            title.rsplit(' ').next().filter(|w| w.len() == 2 && w.chars().all(|c| c.is_ascii_uppercase()));
        let state = named.map(str::to_owned).or_else(|| to.state.clone()).filter(|_| mode != "sea");
        let start_h = self.now_h;
        self.now_h += h;
        let leg = Leg {
            kind,
            title: title.into(),
            mode: haul.then(|| mode.to_owned()),
            operator: (haul && mode == "rail").then(|| match state.as_deref() {
                Some("AZ") => "ADY".to_owned(),
                Some("GE") => "Georgian Railway".to_owned(),
                Some("AM") => "South Caucasus Railway".to_owned(),
                _ => "KTZ".to_owned(),
            }),
            service: None,
            equipment: self.units.clone(),
            from: from.clone(),
            to: to.clone(),
            via: if haul && km > 300.0 { vec!["Yevlakh".into(), "Ganja".into()] } else { vec![] },
            state,
            distance_km: Km::new(km),
            start: self.at(start_h, from.state.as_deref()),
            end: self.at(self.now_h, to.state.as_deref()),
            start_h: Hours::new(start_h),
            end_h: Hours::new(self.now_h),
            waiting_h: Hours::new(waiting),
            sd_h: Hours::new(h * 0.3),
            prices,
            co2e_kg: KgCo2e::new(co2e),
            emission: Some("rail_electric".into()),
            papers: if kind == LegKind::Border { vec!["T1 transit declaration".into()] } else { vec![] },
            rules: if kind == LegKind::Border { vec!["ge_consent_fuel_2025".into()] } else { vec![] },
            links: vec![],
            line: line.to_vec(),
        };
        self.legs.push(leg);
        self
    }
}

pub fn price(
    payee: &str,
    row: &str,
    published: &str,
    low: f64,
    best: f64,
    high: f64,
    sourced: bool,
) -> Price {
    Price {
        payee: payee.into(),
        row: row.into(),
        published: published.into(),
        usd: est(low, best, high),
        sourced,
    }
}

fn option(rank: u32, label: &str, draft: Draft, factor: (f64, f64), on_time: Option<f64>) -> Itinerary {
    let legs = draft.legs.clone();
    let mean = draft.now_h;
    let (low, high) = factor;
    let quantile = |p: f64| {
        // A skewed curve through low × mean at P10 and high × mean at P90.
        let u = ((p - 10.0) / 80.0).clamp(-0.12, 1.12);
        mean * (low + (high - low) * (0.55 * u + 0.45 * u.powi(3)))
    };
    let ps = [
        1., 2., 5., 10., 15., 20., 25., 30., 35., 40., 45., 50., 55., 60., 65., 70., 75., 80., 85., 90., 95.,
        98., 99.,
    ];
    let percentiles: Vec<(f64, f64)> = ps
        .iter()
        .map(|p| (*p, quantile(*p) * if *p > 90. { 1.0 + (*p - 90.) * 0.02 } else { 1.0 }))
        .collect();
    let mut payees: Vec<Payee> = Vec::new();
    for p in legs.iter().flat_map(|l| &l.prices) {
        match payees.iter_mut().find(|q| q.payee == p.payee) {
            Some(q) => q.usd = q.usd.plus(p.usd),
            None => payees.push(Payee { payee: p.payee.clone(), usd: p.usd }),
        }
    }
    payees.sort_by(|a, b| b.usd.best.total_cmp(&a.usd.best));
    let cost = payees.iter().fold(Estimate::exact(0.0), |s, p| s.plus(p.usd));
    let sourced: f64 = legs.iter().flat_map(|l| &l.prices).filter(|p| p.sourced).map(|p| p.usd.best).sum();
    let share = sourced / cost.best;
    let co2e: f64 = legs.iter().map(|l| l.co2e_kg.get()).sum();
    let end_state = legs.last().unwrap().to.state.clone();
    Itinerary {
        rank,
        label: label.into(),
        distance_km: legs.iter().map(|l| l.distance_km).sum(),
        mean_h: Hours::new(mean),
        p10_h: Hours::new(quantile(10.0)),
        p50_h: Hours::new(quantile(50.0)),
        p90_h: Hours::new(quantile(90.0)),
        arrival_p50: draft.at(quantile(50.0), end_state.as_deref()),
        arrival_p90: draft.at(quantile(90.0), end_state.as_deref()),
        percentiles,
        on_time,
        cost_usd: cost,
        sourced_share: share,
        indicative: share < 0.5,
        co2e_kg: KgCo2e::new(co2e),
        generalised_usd: cost.best + mean * 22.0,
        payees,
        papers: vec![
            Paper {
                paper: "SMGS consignment note".into(),
                authority: Some("the forwarding railway".into()),
                time_h: None,
                usd: None,
                rule: "smgs_note".into(),
            },
            Paper {
                paper: "T1 transit declaration".into(),
                authority: Some("Revenue Service of Georgia".into()),
                time_h: Some((Hours::new(24.0), Hours::new(72.0))),
                usd: Some(est(40.0, 50.0, 80.0)),
                rule: "ge_transit_t1".into(),
            },
            Paper {
                paper: "Dangerous-goods declaration".into(),
                authority: None,
                time_h: None,
                usd: None,
                rule: "smgs_annex2".into(),
            },
        ],
        terms: vec![DeliveryTerm {
            rule: "smgs_term".into(),
            from: "Baku freight station".into(),
            to: "Yerevan".into(),
            distance_km: Km::new(910.0),
            days: 6.0,
            p50_h: Hours::new(90.0),
            exceeded: 0.07,
        }],
        rules: vec![
            RuleApplied {
                id: "ge_consent_fuel_2025".into(),
                what: "Georgia lets fuel trains from Azerbaijan pass to Armenia".into(),
                effect: "permit".into(),
                from: Some("2025-12-08".parse().unwrap()),
                till: None,
                sources: vec!["https://example.org/consent?a=1&b=2".into()],
            },
            RuleApplied {
                id: "smgs_note".into(),
                what: "Carriage under SMGS needs one consignment note".into(),
                effect: "paper".into(),
                from: None,
                till: None,
                sources: vec!["https://example.org/smgs".into(), "kept on paper".into()],
            },
        ],
        quotas: Vec::new(),
        claims: legs
            .iter()
            .flat_map(|l| &l.prices)
            .map(|p| ClaimUsed {
                row: p.row.clone(),
                figure: "price".into(),
                sources: if p.sourced { vec!["s9631d9a".into()] } else { vec![] },
                assumed: (!p.sourced)
                    .then(|| "general knowledge, tariffs of neighbours in 2023 to 2025".to_owned()),
            })
            .collect(),
        legs,
    }
}

const BAKU_BK: [[f64; 2]; 9] = [
    [49.95, 40.38],
    [49.4, 40.0],
    [48.9, 40.0],
    [48.2, 40.2],
    [47.15, 40.62],
    [46.35, 40.7],
    [45.6, 41.0],
    [45.2, 41.2],
    [45.06, 41.3],
];
const GE_RAIL: [[f64; 2]; 5] = [[45.09, 41.46], [44.85, 41.68], [44.6, 41.5], [44.75, 41.35], [44.8, 41.24]];
const AM_RAIL: [[f64; 2]; 7] =
    [[44.88, 41.2], [44.66, 41.1], [44.49, 40.81], [43.85, 40.79], [43.9, 40.3], [44.3, 40.1], [44.5, 40.15]];

fn provenance() -> Provenance {
    Provenance {
        model: "trans-caspian 2025.1".into(),
        model_hash: "9f0c2d51a7e84b36".into(),
        scenario: None,
        seed: 1,
        draws: 10_000,
        version: "0.1.0".into(),
    }
}

fn search() -> SearchReport {
    SearchReport {
        nodes: 4213,
        arcs: 11_870,
        labels: 8_412,
        dominated: 5_190,
        bounded: 2_077,
        found: 9,
        epsilon: 0.005,
    }
}

fn question() -> Question {
    Question {
        from: stop("baku_freight", "Bakı-Tovarnaya", "Баку-Товарная", "AZ", "547009", 49.95, 40.38),
        to: stop("yerevan", "Yerevan", "Ереван", "AM", "AMEVN", 44.5, 40.15),
        cargo: "petrol".into(),
        cargo_name: "petrol".into(),
        hs: Some("2710".into()),
        un: Some("1203".into()),
        rid_class: Some("3".into()),
        tonnes: Tonnes::new(1220.0),
        units: vec![
            units("tank_wagon_1520", "tank wagon, 1520 mm", "wagon", 22.0, 55.45),
            units("truck_tank", "tank lorry", "truck", 61.0, 20.0),
        ],
        value_usd: est(850_000.0, 976_000.0, 1_100_000.0),
        depart: "2025-12-18T00:00:00+04:00[+04:00]".parse().unwrap(),
        arrive_by: Some("2025-12-25T00:00:00+04:00[+04:00]".parse().unwrap()),
        as_of: None,
        criteria: vec!["time".into(), "cost".into(), "co2e".into(), "reliability".into()],
        via: vec![],
        avoid: vec![],
        lorries_of: None,
    }
}

fn answer(question: Question, options: Vec<Itinerary>) -> Answer {
    Answer {
        schema_version: SCHEMA_VERSION,
        indicative: options.iter().any(|o| o.indicative),
        question,
        options,
        why_not: None,
        refusal: None,
        notes: vec!["Prices are those published for 2023 to 2025, converted at the mean rate of their year.".into()],
        ordering: "Generalised cost: cost plus 22 USD an hour of mean time plus 11 USD an hour of spread (P90 less P50).".into(),
        provenance: provenance(),
        search: search(),
        attribution: vec!["© OpenStreetMap contributors (ODbL)".into(), "Natural Earth (public domain)".into()],
    }
}

/// The petrol train, Baku to Yerevan, two options.
pub fn petrol() -> Answer {
    let q = question();
    let bk = stop(
        "rail_boyuk_kesik_gardabani",
        "Böyük Kəsik – გარდაბანი",
        "Беюк-Кясик – Гардабани",
        "GE",
        "558302",
        45.07,
        41.38,
    );
    let sadakhlo =
        stop("rail_sadakhlo_ayrum", "Sadakhlo – Ayrum", "Садахло – Айрум", "AM", "563209", 44.84, 41.22);
    let red = stop("road_red_bridge", "Red Bridge", "Красный мост", "GE", "", 45.07, 41.33);
    let road_s =
        stop("road_sadakhlo", "Sadakhlo – Bagratashen", "Садахло – Баграташен", "AM", "", 44.84, 41.25);
    let w = || q.units[0].clone();
    use LegKind::*;
    let rail = Draft::new("2025-12-18T00:00:00+04:00[+04:00]", w())
        .leg(
            Load,
            "loading of tank wagons",
            "",
            &q.from,
            &q.from,
            0.,
            14.,
            2.,
            vec![price("SOCAR terminal", "terminal/baku_load", "2 USD per t", 1200., 2440., 3600., false)],
            310.,
            &[],
        )
        .leg(
            Haul,
            "rail through AZ",
            "rail",
            &q.from,
            &bk,
            503.,
            33.,
            9.,
            vec![price("ADY", "tariff/az_rail_oil", "14.6 AZN per t (2024)", 9_000., 10_480., 12_000., true)],
            9_100.,
            &BAKU_BK,
        )
        .leg(
            Border,
            "border at Böyük Kəsik",
            "",
            &bk,
            &bk,
            0.,
            10.,
            4.,
            vec![price("State Customs Committee", "border/bk", "30 USD per wagon", 400., 660., 1000., false)],
            0.,
            &[],
        )
        .leg(
            Haul,
            "rail through GE",
            "rail",
            &bk,
            &sadakhlo,
            110.,
            15.,
            5.,
            vec![price(
                "Georgian Railway",
                "tariff/ge_transit_oil",
                "12.3 USD per t (2025)",
                14_000.,
                15_006.,
                16_000.,
                true,
            )],
            1_900.,
            &GE_RAIL,
        )
        .leg(
            Border,
            "border at Sadakhlo",
            "",
            &sadakhlo,
            &sadakhlo,
            0.,
            12.,
            5.,
            vec![price("SRC Armenia", "border/ayrum", "25 USD per wagon", 300., 550., 900., false)],
            0.,
            &[],
        )
        .leg(
            Haul,
            "rail through AM",
            "rail",
            &sadakhlo,
            &q.to,
            273.,
            22.,
            6.,
            vec![price(
                "South Caucasus Railway",
                "tariff/am_rail",
                "9.1 USD per t (2023)",
                9_000.,
                11_102.,
                13_500.,
                true,
            )],
            4_800.,
            &AM_RAIL,
        )
        .leg(
            Unload,
            "unloading",
            "",
            &q.to,
            &q.to,
            0.,
            12.,
            1.5,
            vec![price("oil depot", "terminal/yerevan_unload", "2 USD per t", 1200., 2440., 3600., false)],
            310.,
            &[],
        );
    let road = Draft::new("2025-12-18T00:00:00+04:00[+04:00]", q.units[1].clone())
        .leg(
            Load,
            "loading of tank lorries",
            "",
            &q.from,
            &q.from,
            0.,
            9.,
            3.,
            vec![price("SOCAR terminal", "terminal/baku_load", "2 USD per t", 1200., 2440., 3600., false)],
            310.,
            &[],
        )
        .leg(
            Haul,
            "road through AZ",
            "road",
            &q.from,
            &red,
            500.,
            13.,
            0.,
            vec![price("hauliers", "tariff/road_az", "0.11 USD per t_km", 45_000., 67_100., 90_000., false)],
            41_500.,
            &[[49.95, 40.38], [48.9, 39.9], [47.2, 40.55], [46.3, 40.75], [45.07, 41.33]],
        )
        .leg(
            Border,
            "border at Red Bridge",
            "",
            &red,
            &red,
            0.,
            16.,
            11.,
            vec![price(
                "Revenue Service of Georgia",
                "border/red_bridge",
                "80 USD per truck",
                3_000.,
                4_880.,
                7_000.,
                false,
            )],
            0.,
            &[],
        )
        .leg(
            Haul,
            "road through GE",
            "road",
            &red,
            &road_s,
            74.,
            3.,
            0.,
            vec![price("hauliers", "tariff/road_ge", "0.12 USD per t_km", 7_000., 10_800., 15_000., false)],
            6_100.,
            &[[45.07, 41.33], [44.8, 41.45], [44.84, 41.25]],
        )
        .leg(
            Border,
            "border at Sadakhlo",
            "",
            &road_s,
            &road_s,
            0.,
            9.,
            6.,
            vec![price(
                "SRC Armenia",
                "border/sadakhlo_road",
                "60 USD per truck",
                2_000.,
                3_660.,
                6_000.,
                false,
            )],
            0.,
            &[],
        )
        .leg(
            Haul,
            "road through AM",
            "road",
            &road_s,
            &q.to,
            198.,
            6.,
            0.,
            vec![price("hauliers", "tariff/road_am", "0.13 USD per t_km", 20_000., 31_400., 44_000., false)],
            16_400.,
            &[[44.84, 41.25], [44.65, 41.0], [44.8, 40.75], [44.55, 40.5], [44.5, 40.15]],
        )
        .leg(
            Unload,
            "unloading",
            "",
            &q.to,
            &q.to,
            0.,
            8.,
            2.,
            vec![price("oil depot", "terminal/yerevan_unload", "2 USD per t", 1200., 2440., 3600., false)],
            310.,
            &[],
        );
    let options = vec![
        option(1, "rail through Böyük Kəsik and Sadakhlo", rail, (0.8, 1.28), Some(0.912)),
        option(2, "road through Red Bridge and Sadakhlo", road, (0.74, 1.5), Some(0.9987)),
    ];
    answer(q, options)
}

/// Containers over the Caspian: every option indicative.
pub fn containers() -> Answer {
    let mut q = question();
    q.from = stop("altynkol", "Altynkol", "Алтынколь", "KZ", "KZALK", 80.29, 44.19);
    q.to = stop("poti", "Poti", "Поти", "GE", "GEPTI", 41.66, 42.15);
    q.cargo = "containers".into();
    q.cargo_name = "goods in containers".into();
    (q.hs, q.un, q.rid_class) = (None, None, None);
    q.tonnes = Tonnes::new(560.0);
    q.units = vec![units("flat_wagon_1520", "container on flat wagon, 1520 mm", "teu", 40.0, 14.0)];
    q.value_usd = est(1.2e6, 2.24e6, 3.5e6);
    q.depart = "2026-03-02T08:00:00+05:00[+05:00]".parse().unwrap();
    q.arrive_by = None;
    q.as_of = Some("2026-03-01".parse().unwrap());
    q.avoid = vec!["RU".into()];
    let aktau = stop("aktau_port", "Aqtaý portı", "Актау-Порт", "KZ", "KZSCO", 51.2, 43.6);
    let kuryk = stop("kuryk_port", "Kuryk", "Курык", "KZ", "KZKUR", 51.65, 43.18);
    let alat = stop("alat_port", "Alat", "Алят", "AZ", "AZALT", 49.42, 39.93);
    let bk = stop(
        "rail_boyuk_kesik_gardabani",
        "Böyük Kəsik – გარდაბანი",
        "Беюк-Кясик – Гардабани",
        "GE",
        "558302",
        45.07,
        41.38,
    );
    let kz: Vec<[f64; 2]> = vec![
        [80.29, 44.19],
        [77.1, 43.9],
        [74.5, 43.6],
        [71.4, 42.9],
        [69.6, 42.4],
        [68.2, 43.3],
        [65.5, 44.8],
        [62.1, 45.8],
        [61.6, 46.8],
        [59.6, 47.8],
        [57.0, 46.5],
        [55.1, 45.3],
        [53.3, 44.6],
        [51.2, 43.6],
    ];
    let via_kuryk: Vec<[f64; 2]> = kz[..13].iter().copied().chain([[52.8, 43.6], [51.65, 43.18]]).collect();
    let az: Vec<[f64; 2]> = [[49.42, 39.93]].into_iter().chain(BAKU_BK[2..].iter().copied()).collect();
    let ge = [[45.09, 41.46], [44.85, 41.72], [44.0, 41.98], [43.2, 42.1], [42.3, 42.16], [41.66, 42.15]];
    use LegKind::*;
    let make = |port: &Stop, line: &[[f64; 2]], sea: &[[f64; 2]], wait: f64, ferry: &str, usd: f64| {
        Draft::new("2026-03-02T08:00:00+05:00[+05:00]", q.units[0].clone())
            .leg(
                Load,
                "loading",
                "",
                &q.from,
                &q.from,
                0.,
                20.,
                6.,
                vec![price("terminal", "terminal/altynkol", "60 USD per teu", 1600., 2400., 3600., false)],
                220.,
                &[],
            )
            .leg(
                Haul,
                "rail through KZ",
                "rail",
                &q.from,
                port,
                3100.,
                148.,
                20.,
                vec![price(
                    "KTZ Express",
                    "tariff/kz_container",
                    "0.27 USD per teu_km",
                    22_000.,
                    33_480.,
                    45_000.,
                    false,
                )],
                31_000.,
                line,
            )
            .leg(
                Transfer,
                "loading on board",
                "",
                port,
                port,
                0.,
                30.,
                14.,
                vec![price("port", "terminal/port", "85 USD per teu", 2400., 3400., 4800., false)],
                900.,
                &[],
            )
            .leg(
                Haul,
                ferry,
                "sea",
                port,
                &alat,
                480.,
                26. + wait,
                wait,
                vec![price(
                    "ASCO",
                    "service/ferry",
                    "450 USD per teu (2024)",
                    usd * 0.9,
                    usd,
                    usd * 1.2,
                    true,
                )],
                18_500.,
                sea,
            )
            .leg(
                Transfer,
                "rolling ashore",
                "",
                &alat,
                &alat,
                0.,
                18.,
                6.,
                vec![price(
                    "Port of Baku",
                    "terminal/alat",
                    "70 USD per teu (2024)",
                    2400.,
                    2800.,
                    3000.,
                    true,
                )],
                640.,
                &[],
            )
            .leg(
                Haul,
                "rail through AZ",
                "rail",
                &alat,
                &bk,
                435.,
                26.,
                6.,
                vec![price(
                    "ADY Container",
                    "tariff/az_container",
                    "0.35 USD per teu_km",
                    4_000.,
                    6_090.,
                    8_500.,
                    false,
                )],
                3_600.,
                &az,
            )
            .leg(Border, "border at Böyük Kəsik", "", &bk, &bk, 0., 9., 3., vec![], 0., &[])
            .leg(
                Haul,
                "rail through GE",
                "rail",
                &bk,
                &q.to,
                352.,
                20.,
                4.,
                vec![price(
                    "Georgian Railway",
                    "tariff/ge_container",
                    "0.5 USD per teu_km",
                    5_000.,
                    7_040.,
                    9_900.,
                    false,
                )],
                2_900.,
                &ge,
            )
            .leg(
                Unload,
                "unloading",
                "",
                &q.to,
                &q.to,
                0.,
                14.,
                4.,
                vec![price(
                    "APM Terminals Poti",
                    "terminal/poti",
                    "110 USD per teu",
                    3_000.,
                    4_400.,
                    5_200.,
                    false,
                )],
                320.,
                &[],
            )
    };
    let options = vec![
        option(
            1,
            "rail, ferry Aktau–Alat, rail",
            make(
                &aktau,
                &kz,
                &[[51.2, 43.6], [50.9, 42.5], [50.6, 40.4], [49.7, 39.8], [49.42, 39.93]],
                62.,
                "ferry Aktau–Alat",
                18_000.,
            ),
            (0.82, 1.35),
            None,
        ),
        option(
            2,
            "rail, ferry Kuryk–Alat, rail",
            make(&kuryk, &via_kuryk, &[], 80., "ferry Kuryk–Alat", 16_800.),
            (0.78, 1.55),
            None,
        ),
    ];
    answer(q, options)
}

/// The petrol train before any export was agreed.
pub fn refused() -> Answer {
    let mut q = question();
    q.depart = "2025-11-10T00:00:00+04:00[+04:00]".parse().unwrap();
    q.arrive_by = None;
    let mut a = answer(q, vec![]);
    a.refusal = Some(Refusal {
        reason: "Azerbaijan lets no petroleum products out to Armenia before 2025-11-28.".into(),
        blockers: vec![
            Blocker {
                kind: "rule".into(),
                row: "rule/az_no_export_am".into(),
                what: "No export from Azerbaijan to Armenia until petroleum products were agreed".into(),
                days: "until 2025-11-28 (exclusive)".into(),
                sources: vec!["https://example.org/export".into()],
            },
            Blocker {
                kind: "link".into(),
                row: "link/ml27".into(),
                what: "Gazakh – Ijevan is closed".into(),
                days: "always".into(),
                sources: vec!["assumed: general knowledge".into()],
            },
        ],
        hints: vec!["leave on 2025-12-08 or later: --depart 2025-12-08".into()],
    });
    a
}

/// Six options, as many as are usually asked for, one of them across half the world.
pub fn many() -> Answer {
    let mut a = containers();
    a.question.to = stop("rotterdam", "Rotterdam", "Роттердам", "NL", "NLRTM", 4.3, 51.95);
    for k in 3..=6u32 {
        let mut o = a.options[(k as usize) % 2].clone();
        o.rank = k;
        o.label = format!("{} ({k})", o.label);
        for l in &mut o.legs {
            for p in &mut l.line {
                p[1] += 0.25 * f64::from(k);
            }
        }
        for p in &mut o.percentiles {
            p.1 *= 1.0 + 0.07 * f64::from(k);
        }
        a.options.push(o);
    }
    let last = a.options.last_mut().unwrap();
    let sea = last.legs.iter_mut().rev().find(|l| l.kind == LegKind::Haul).unwrap();
    sea.mode = Some("sea".into());
    sea.title = "container ship to Rotterdam".into();
    sea.to = a.question.to.clone();
    sea.line = vec![
        [41.66, 42.15],
        [31.0, 41.5],
        [28.9, 40.9],
        [26.1, 39.9],
        [25.0, 37.0],
        [15.0, 36.0],
        [5.0, 37.5],
        [-5.6, 35.95],
        [-9.8, 38.5],
        [-9.5, 43.5],
        [-5.5, 48.7],
        [1.4, 50.9],
        [4.3, 51.95],
    ];
    a
}
