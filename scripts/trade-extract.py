#!/usr/bin/env python3
"""Cuts the gathered trade flows down to the tables `data/curated/trade_*.csv`.

    scripts/trade-extract.py FOLDER        FOLDER holds flows/, macro/ and codes/ as data/trade/README.md lists them

The flows are too large for the repository (30 MB); what the model needs of them is some thousand rows. Nothing is
estimated here but for the shares by which a section of trade known by value alone is divided among cargoes: those rows say
`assumed`. Tonnes from values, years without data and zones are `karvan demand build`'s, where each step is kept.

Pipeline gas is left out: it meets nothing else on the network. A flow below LEAST tonnes (or the same in value) in every year is left out, and the rows of a source are rounded to
three digits: the sources are no better. Where a source covers a year and has no flow, the row says 0.
"""

import collections
import csv
import gzip
import sys
from pathlib import Path

FIRST, LAST = 2019, 2025
LEAST = 3000.0

# What the corridor is about: all trade of these, and of the others among themselves only what may cross it.
CORE = ["KZ", "UZ", "TM", "KG", "TJ", "AZ", "GE", "AM"]
# Of these only what competes for the corridor's trains, boxes and lorries; bulk among them goes by sea or stays away.
AMONG_OTHERS = {("CN", "TR"), ("CN", "europe"), ("IR", "TR"), ("RU", "IR"), ("RU", "TR"), ("AF", "TR"), ("CN", "IR"), ("IN", "RU")}
BULK = {"crude", "coal", "ores", "minerals", "diesel", "petrol", "fuel_oil", "lpg", "sulphur", "copper_concentrate", "wheat", "maize",
        "timber", "urea", "potash", "cement", "cotton"}
# Parties that trade: states of the model, or parts of the world.
STATES = CORE + ["TR", "RU", "CN", "IR", "AF", "UA", "BY", "PK", "IN"]
PARTS = {
    "europe": "AUT BEL BGR CHE CYP CZE DEU DNK ESP EST FIN FRA GBR GRC HRV HUN IRL ISL ITA LTU LUX LVA MLT NLD NOR POL PRT ROU SRB SVK SVN SWE BIH MKD MNE ALB MDA",
    "gulf": "ARE BHR KWT OMN QAT SAU YEM",
    "levant": "IRQ ISR JOR LBN PSE SYR",
    "south_asia": "BGD LKA MMR NPL",
    "east_asia": "JPN KOR TWN HKG MNG PRK",
    "southeast_asia": "AUS IDN KHM LAO MYS NZL PHL SGP THA VNM",
    "africa": "DZA EGY LBY MAR TUN ZAF NGA KEN TZA GHA CIV ETH SDN SEN AGO CMR",
    "americas": "USA CAN MEX BRA ARG CHL PER COL ECU VEN CUB URY PRY",
}

BACI_CARGO = {"2709": "crude", "2701": "coal", "2702": "coal", "2704": "coal", "2503": "sulphur", "2603": "copper_concentrate",
              "7601": "aluminium", "3104": "potash", "7403": "copper_cathode", "7202": "ferrosilicon", "7801": "zinc", "7901": "zinc"}
BACI_MINERALS = {"2709", "2701", "2702", "2704", "2503", "2603", "7601"}
ORES = {"2601", "2602", "2604", "2606", "2607", "2608", "2609", "2610", "2611", "2613", "2614", "2615", "2617"}

YEARS = range(FIRST, LAST + 1)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    src = Path(sys.argv[1])
    out = Path(__file__).resolve().parent.parent / "data" / "curated"
    iso2 = {r["ISO3166-1-Alpha-3"]: r["ISO3166-1-Alpha-2"] for r in csv.DictReader(open(src / "codes/country_codes.csv", encoding="utf-8"))}
    region_of = {c3: c2 for c3, c2 in iso2.items() if c2 in STATES}
    for part, codes in PARTS.items():
        region_of.update({c: part for c in codes.split()})

    def wanted(a, b):
        return a and b and a != b and (a in CORE or b in CORE or (a, b) in AMONG_OTHERS or (b, a) in AMONG_OTHERS)

    def asked(a, b, cargo):
        return a in CORE or b in CORE or cargo not in BULK or {a, b} == {"RU", "IR"} and cargo not in ("crude", "ores")

    def rows(name):
        with gzip.open(src / name, "rt", encoding="utf-8") as f:
            yield from csv.DictReader(f)

    def pair(r, a="exporter", b="importer"):
        return region_of.get(r[a]), region_of.get(r[b])

    def three(x):
        return float(f"{x:.3g}")

    def write(name, table):
        with open(out / name, "w", encoding="utf-8", newline="") as f:
            w = csv.writer(f, lineterminator="\n")
            w.writerow(["from", "to", "cargo", "year", "rank", "quantity", "unit", "claim"])
            n = 0
            for key in sorted(table):
                (a, b, cargo, rank, unit, claim), years = key, table[key]
                for year in sorted(years):
                    w.writerow([a, b, cargo, year, rank, f"{three(years[year]):.15g}", unit, claim])
                    n += 1
        print(name, n)

    def kept(series, covered, rank, unit, claim, least):
        table = {}
        for (a, b, cargo), years in series.items():
            if asked(a, b, cargo) and max(years.values()) >= least:
                table[(a, b, cargo, rank, unit, claim)] = {y: years.get(y, 0.0) for y in covered}
        return table

    # BACI, 71 products of all pairs: tonnes. Rows without tonnes are left out.
    mass = collections.defaultdict(lambda: collections.defaultdict(float))
    value15 = collections.defaultdict(float)
    for r in rows("flows/baci_minerals_hs6_1995_2024.csv.gz"):
        year = int(r["year"])
        if year != 2015 and year < FIRST:
            continue
        a, b = pair(r)
        if not wanted(a, b):
            continue
        head = r["hs92"][:4]
        if year == 2015:
            value15[(a, b, "3" if head[:2] == "27" else "2" if head[:2] in ("25", "26") else "6")] += float(r["value_kusd"] or 0)
            continue
        if head in ORES:
            cargo = "ores"
        elif head in BACI_MINERALS:
            cargo = BACI_CARGO[head]
        elif head[:2] == "25":
            cargo = "minerals"
        else:
            continue
        if r["tonnes"]:
            mass[(a, b, cargo)][year] += float(r["tonnes"])
    baci = kept(mass, range(FIRST, 2025), 1, "t", "baci_minerals", LEAST)
    # The largest flows of some headings: tonnes, 2022 to 2024. Below the cut a flow is unknown, not 0.
    top = collections.defaultdict(lambda: collections.defaultdict(float))
    smallest = {}
    products = collections.defaultdict(lambda: collections.defaultdict(float))
    for r in rows("flows/baci_topflows_hs4_2022_2024.csv.gz"):
        if r["hs4"] == "2710" and r["tonnes"]:
            smallest[r["year"]] = min(smallest.get(r["year"], 1e18), float(r["value_usd"]))
        a, b = pair(r)
        if not wanted(a, b) or not r["tonnes"]:
            continue
        if r["hs4"] in ("3104", "7403", "7202", "7801", "7901"):
            top[(a, b, BACI_CARGO[r["hs4"]])][int(r["year"])] += float(r["tonnes"])
        if r["hs4"] == "2710":
            products[(a, b)][int(r["year"])] += float(r["tonnes"])
    for key, years in top.items():
        if asked(*key) and max(years.values()) >= LEAST:
            baci[(*key, 1, "t", "baci_top")] = dict(years)
    split = {"diesel": 0.45, "petrol": 0.25, "fuel_oil": 0.3}
    claim = "baci_top; assumed: heading 2710 divided as 45 % diesel, 25 % petrol, 30 % fuel oil, near the yield of the region's simple refineries"
    for (a, b), years in products.items():
        for cargo, share in split.items():
            if asked(a, b, cargo) and max(years.values()) * share >= LEAST:
                baci[(a, b, cargo, 2, "t", claim)] = {y: t * share for y, t in years.items()}
    write("trade_baci.csv", baci)

    # FAOSTAT: tonnes to 2022.
    mass = collections.defaultdict(lambda: collections.defaultdict(float))
    for r in rows("flows/fao_crops_1993_2022.csv.gz"):
        a, b = pair(r)
        if r["year"] == "2015" and wanted(a, b) and r["tonnes"]:
            value15[(a, b, "0")] += float(r["tonnes"]) * 0.25  # thousand USD, at 250 USD a tonne
        if int(r["year"]) >= FIRST and wanted(a, b) and r["tonnes"]:
            mass[(a, b, "wheat" if r["crop"] == "wheat" else "maize")][int(r["year"])] += float(r["tonnes"])
    write("trade_fao.csv", kept(mass, range(FIRST, 2023), 1, "t", "fao_trade", LEAST))

    # UN Comtrade: urea, LPG, wheat by value, 2020 to 2024 (later years are not whole); Armenia's fuels in tonnes.
    money = collections.defaultdict(lambda: collections.defaultdict(float))
    cargo_of = {"urea": "urea", "lpg_propane": "lpg", "lpg_butane": "lpg", "wheat": "wheat"}
    for r in rows("flows/comtrade_energy_fertiliser_2020_2026.csv.gz"):
        a, b = pair(r)
        if int(r["year"]) <= 2024 and wanted(a, b) and r["commodity"] in cargo_of:
            money[(a, b, cargo_of[r["commodity"]])][int(r["year"])] += float(r["value_usd"])
    table = kept(money, range(2020, 2025), 3, "usd", "comtrade_energy", 500.0 * LEAST)
    mass = collections.defaultdict(lambda: collections.defaultdict(float))
    fuels = {"271012": "petrol", "271019": "diesel", "271113": "lpg"}
    seen = set()
    for r in rows("flows/comtrade_monthly_arm_geo_fuels_vehicles.csv.gz"):
        year = int(r["month"][:4])
        a, b = region_of.get(r["partner"]), region_of.get(r["reporter"])
        if r["flow"] != "M" or r["hs"] not in fuels or not FIRST <= year <= 2024 or not wanted(a, b) or not r["tonnes"]:
            continue
        cell = (r["partner"], r["reporter"], r["month"], r["hs"])
        if cell in seen:  # two extracts overlap
            continue
        seen.add(cell)
        mass[(a, b, fuels[r["hs"]])][year] += float(r["tonnes"])
    table.update(kept(mass, range(FIRST, 2025), 0, "t", "comtrade_monthly", LEAST))
    write("trade_comtrade.csv", table)

    # UNCTAD 2015 by SITC section: values, less what BACI has in tonnes; divided among cargoes by stated shares.
    section = collections.defaultdict(float)
    total = collections.defaultdict(dict)
    for r in rows("flows/unctad_sitc1_1995_2005_2015.csv.gz"):
        a, b = pair(r)
        if r["year"] == "2015" and wanted(a, b):
            section[(a, b, r["sitc1"])] += float(r["value_kusd"])
    perishable = {"UZ", "KG", "TJ", "TM", "AZ", "AM", "GE", "TR", "IR", "AF"}
    cotton = {"UZ", "TM", "TJ"}
    wood = {"RU", "BY", "UA", "europe"}
    cloth = {"CN", "TR", "KG", "UZ", "PK", "IN", "TM"}
    metals = {"KZ", "AM", "GE", "TJ"}
    table = collections.defaultdict(dict)

    def shares(s, a, b):
        if s in ("0", "1"):
            if s == "0" and a in perishable:
                return {"apricots": 0.6, "food": 0.4}, "60 % of food held for fresh fruit and vegetables"
            if s == "0" and a == "KZ" and b in ("UZ", "TJ", "AF", "TM", "KG"):
                return {"flour": 0.6, "food": 0.4}, "food beside grain as 60 % flour"
            if s == "0" and a == "RU":
                return {"food": 0.9, "sugar": 0.1}, "food beside grain as 10 % sugar"
            return {"food": 1.0}, "all held for packed food"
        if s == "2":
            if a in cotton:
                return {"cotton": 0.8, "food": 0.2}, "crude materials beside ores as 80 % cotton, the rest oilseeds and hides"
            if a in wood:
                return {"timber": 0.9, "food": 0.1}, "crude materials beside ores as 90 % timber by value"
            return {"food": 0.7, "cotton": 0.2, "timber": 0.1}, "crude materials beside ores as 70 % oilseeds and hides, 20 % fibres, 10 % timber by value"
        if s == "3":
            return {"diesel": 0.45, "petrol": 0.3, "fuel_oil": 0.15, "lpg": 0.1}, "fuels beside crude oil, coal and gas as 45 % diesel, 30 % petrol, 15 % fuel oil, 10 % LPG by value; at most what the smallest of BACI's large flows of 2710 is worth"
        if s == "4":
            return {"sunflower_oil": 1.0}, "oils and fats held for sunflower oil"
        if s == "5":
            return {"chemicals": 1.0}, "all held for chemicals and plastics"
        if s == "6":
            if a in metals:
                return {"steel": 0.15, "textiles": 0.05, "containers": 0.1}, "manufactures as 15 % steel, 5 % textiles, 10 % in boxes by value; the rest is metals that BACI has in tonnes"
            if a in cloth:
                return {"textiles": 0.35, "steel": 0.2, "containers": 0.45}, "manufactures as 35 % textiles, 20 % steel, 45 % in boxes by value"
            if a in ("RU", "IR"):
                return {"steel": 0.4, "textiles": 0.1, "cement": 0.005, "timber": 0.05, "containers": 0.445}, "manufactures as 40 % steel, 10 % textiles, 5 % boards, 0.5 % cement, the rest in boxes by value"
            return {"steel": 0.3, "textiles": 0.15, "containers": 0.55}, "manufactures as 30 % steel, 15 % textiles, 55 % in boxes by value"
        if s == "7":
            return {"machinery": 1.0}, "all held for machinery and vehicles"
        if s == "8":
            if a in cloth:
                return {"textiles": 0.4, "containers": 0.6}, "40 % clothing, the rest in boxes, by value"
            return {"containers": 1.0}, "all in boxes"
        return {}, ""

    for (a, b, s), value in sorted(section.items()):
        if s == "T":
            total[(a, b)][2015] = value
            continue
        if (a, b) in {("CN", "europe"), ("europe", "CN")}:
            # Across the continent only what goes in boxes is asked about.
            if s in "5678":
                key = (a, b, "containers", 4, "usd", "unctad_sitc; assumed: of China and Europe only manufactures (SITC 5 to 8) are asked about, all in boxes")
                table[key][2015] = table[key].get(2015, 0.0) + 1000.0 * value
            continue
        left = value - (value15[(a, b, s)] if s in ("0", "2", "3", "6") else 0.0)
        if left < 0.1 * value:  # nothing but what is known in tonnes
            continue
        if s == "3":
            left = min(left, min(smallest.values()) / 1000.0)
        by_cargo, why = shares(s, a, b)
        for cargo, share in by_cargo.items():
            if not asked(a, b, cargo):
                continue
            key = (a, b, cargo, 4, "usd", f"unctad_sitc; assumed: SITC {s}: {why}")
            table[key][2015] = 1000.0 * left * share
    # One row for each cargo, whatever the number of sections it comes from.
    merged = {}
    for (a, b, cargo, rank, unit, claim), years in sorted(table.items()):
        same = [k for k in merged if k[:3] == (a, b, cargo)]
        if same:
            old = same[0]
            new = (*old[:5], old[5] + "; " + claim.split("assumed: ")[1]) if claim != old[5] else old
            merged[new] = {2015: merged.pop(old)[2015] + years[2015]}
        else:
            merged[(a, b, cargo, rank, unit, claim)] = dict(years)
    price = {r["id"]: float(r["value_usd_per_t"].split()[0]) for r in csv.DictReader(open(out / "cargo.csv", encoding="utf-8"))}
    merged = {k: v for k, v in merged.items() if v[2015] >= LEAST * price[k[2]]}
    write("trade_unctad.csv", merged)

    # All goods of a pair by value: the index by which a flow is carried to other years.
    gdp = {}
    for r in rows("macro/gdp_population_1960_2024.csv.gz"):
        region = region_of.get(r["iso3"])
        if region and r["gdp_usd"] and int(r["year"]) >= 2015:
            gdp[(region, int(r["year"]))] = gdp.get((region, int(r["year"])), 0.0) + float(r["gdp_usd"])
    national = collections.defaultdict(dict)
    for r in rows("flows/national_partner_totals.csv.gz"):
        year, own, other = int(r["year"]), region_of.get(r["reporter"]), region_of.get(r["partner"])
        if year < 2015 or not wanted(own, other) or r["flow"] not in ("import", "export"):
            continue
        key = (own, other) if r["flow"] == "export" else (other, own)
        series = national[(key, r["reporter"])]
        series[year] = series.get(year, 0.0) + float(r["value_kusd"])
    table = collections.defaultdict(dict)
    pairs = {(k[0], k[1]) for k in list(merged) + list(baci)}
    for a, b in sorted(pairs):
        # Of two reporters the one with more years; a series that begins after 2015 is carried back by GDP.
        found = [s for ((key, _), s) in sorted(national.items()) if key == (a, b)]
        series = dict(max(found, key=len)) if found else {}
        claim = "national_partners" if found else "unctad_sitc;gdp_worldbank; assumed: no yearly figure of the pair: as the geometric mean of both sides' GDP"
        if (a, b) not in total and not series:
            continue
        base = 2015 if not series else min(series)
        start = total[(a, b)][2015] if not series else series[base]
        known = lambda y: gdp.get((a, y)) and gdp.get((b, y))
        if not known(base):
            continue
        for year in [2015, *range(FIRST, 2025)]:
            if year in series:
                table[(a, b, "", 1, "usd", claim)][year] = 1000.0 * series[year]
            elif known(year) and (not series or year < base):
                growth = (gdp[(a, year)] / gdp[(a, base)] * gdp[(b, year)] / gdp[(b, base)]) ** 0.5
                c = claim if not series else "national_partners;gdp_worldbank; assumed: before the first published year as the geometric mean of both sides' GDP"
                table[(a, b, "", 1, "usd", c)][year] = 1000.0 * start * growth
    write("trade_pairs.csv", table)


main()
