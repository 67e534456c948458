//! A model compiled for one cargo and one span of days, and the searches on it.
