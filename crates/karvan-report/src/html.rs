//! The HTML report.

use karvan_plan::answer::Answer;

use crate::Lang;

/// In work.
pub fn html(_: &Answer, _: Lang) -> String {
    String::new()
}
