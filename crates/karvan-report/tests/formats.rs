//! What each format looks like, and what it never does.
#![allow(missing_docs, reason = "a test")]

mod common;

use karvan_report::{csv, geojson, json, table, table_all_legs};

#[test]
fn table_of_the_petrol_train() {
    insta::assert_snapshot!(table(&common::petrol(), 100, false));
}

#[test]
fn table_of_an_indicative_answer() {
    insta::assert_snapshot!(table_all_legs(&common::containers(), 100, false));
}

#[test]
fn table_of_a_refusal() {
    insta::assert_snapshot!(table(&common::refused(), 100, false));
}

#[test]
fn csv_of_the_petrol_train() {
    insta::assert_snapshot!(csv(&common::petrol()));
}

#[test]
fn json_of_the_petrol_train() {
    insta::assert_snapshot!(json(&common::petrol()));
}

#[test]
fn geojson_of_every_answer() {
    insta::assert_snapshot!(geojson(&common::containers()));
    insta::assert_snapshot!(geojson(&common::refused()));
}
