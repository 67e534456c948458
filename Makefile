# `make demo`: everything from a fresh clone to a planned train and its report.
# `make test`: everything that must hold before a change lands.

# Property tests draw the same cases every time, so that a run says something about the change and not about luck.
# `make unit PROPTEST_RNG_SEED=2` and other numbers look for new ones.
export PROPTEST_RNG_SEED ?= 1

.PHONY: demo test fmt lint unit docs-check model-check questions-check browser deny

KARVAN = target/release/karvan
REPORT = demo/petrol-baku-yerevan.html

demo:
	cargo build --release --locked -p karvan-cli
	@mkdir -p demo
	$(KARVAN) plan --from "Baku freight station" --to Yerevan --cargo petrol --wagons 22 --depart 2025-12-18
	$(KARVAN) plan --from "Baku freight station" --to Yerevan --cargo petrol --wagons 22 --depart 2025-12-18 --format html --output $(REPORT)
	@echo "The report: $(REPORT)"

test: fmt lint unit docs-check model-check questions-check browser deny

fmt:
	cargo fmt --all --check

lint:
	cargo clippy --locked --workspace --all-targets -- -D warnings

unit:
	@if cargo nextest --version >/dev/null 2>&1; then \
		cargo nextest run --locked --workspace && cargo test --locked --workspace --doc; \
	else \
		cargo test --locked --workspace; \
	fi

docs-check:
	cargo xtask docs --check

model-check:
	cargo xtask build-model --check

questions-check:
	cargo xtask questions --check

# Reports of the real model, in a real browser. Where Chromium is missing and cannot be installed, that is said.
browser:
	cargo build --release --locked -p karvan-cli
	@mkdir -p demo
	$(KARVAN) plan --from "Baku freight station" --to Yerevan --cargo petrol --wagons 22 --depart 2025-12-18 --format html --output $(REPORT)
	$(KARVAN) plan --from Altynkol --to Istanbul --cargo containers --feu 40 --depart 2026-03-02 --format html --lang ru --output demo/containers-istanbul.html
	$(KARVAN) chronicle --format html --output demo/chronicle.html
	$(KARVAN) chronicle --states AZ,AM --format html --lang ru --output demo/chronicle-ru.html
	$(KARVAN) validate --format html --output demo/validation.html
	$(KARVAN) validate --format html --lang ru --output demo/validation-ru.html
	$(KARVAN) backtest --fit-until 2022 --format html --output demo/backtest.html
	$(KARVAN) assign --model crates/karvan-cli/tests/corridor2 --year 2031 --format html --output demo/year.html
	@scripts/browser-test.sh $(REPORT) demo/containers-istanbul.html demo/chronicle.html demo/chronicle-ru.html demo/validation.html demo/validation-ru.html demo/backtest.html demo/year.html || { s=$$?; [ $$s -eq 77 ] && echo "browser tests skipped: no Chromium" || exit $$s; }

deny:
	scripts/deny.sh
