/// Declares an index type of one table: a `u32` that opens only the vectors of its own table.
#[macro_export]
macro_rules! index_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);
        impl $name {
            /// The position as a `usize`, to index a slice with.
            #[inline]
            pub fn ix(self) -> usize {
                self.0 as usize
            }
            /// The index of position `i`.
            ///
            /// # Panics
            /// If `i` does not fit `u32`: a table of more than four thousand million rows.
            #[inline]
            pub fn new(i: usize) -> Self {
                Self(u32::try_from(i).expect("a table has fewer than 2^32 rows"))
            }
        }
    };
}
