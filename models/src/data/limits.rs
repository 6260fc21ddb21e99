//! Named limits on what a data set may hold, each with its reason. Units come last.

/// Raw values of a whole data set, in bytes: every worker process keeps a copy in memory, and a tensor on its device,
/// so that it has two on a processor (a session copies tensors of memory that is only lent to it).
pub const VALUES_BYTES_MAX: u64 = 16 << 30;
/// Samples of a data set: indices are `u32`, and an epoch over more would never end here.
pub const SAMPLES_MAX: u64 = 100_000_000;
/// Classes: the output layer is as wide as this; more distinct labels mean that the labels are numbers.
pub const CLASSES_MAX: u64 = 10_000;
/// Columns of a table, label columns included: each feature is a weight per unit of the first layer.
pub const COLUMNS_MAX: u64 = 65_536;
/// Rows or columns of an image, in pixels: the largest that a graph with static shapes can sensibly train on.
pub const IMAGE_SIDE_PIXELS_MAX: u64 = 8_192;
/// Memory that decoding one image may take, in bytes: stops small files that unpack to gigabytes.
pub const IMAGE_DECODE_BYTES_MAX: u64 = 512 << 20;
/// One line of a text file, in bytes: stops a binary file from being read as one endless line. A table of
/// `COLUMNS_MAX` columns has over 200 bytes for each.
pub const LINE_BYTES_MAX: u64 = 16 << 20;
/// A text file after decompression, in bytes; numbers as text take at most about four times their 4 bytes.
pub const TEXT_BYTES_MAX: u64 = 4 * VALUES_BYTES_MAX;
/// Header of one array in an npz file, in bytes; numpy writes 118 for plain arrays.
pub const NPY_HEADER_BYTES_MAX: u64 = 65_536;
/// Digits in the header of one array, all numbers together: their product then fits 64 bits. The largest data
/// set has 16, that of the element type included.
pub const NPY_HEADER_DIGITS_MAX: usize = 19;
/// Characters of a text in an array, which takes four bytes for each, used or not: a class name is shorter.
pub const NPY_TEXT_CHARACTERS_MAX: u64 = 4_096;
/// Samples that a class must have outside the official test part: one to train on, one to validate with.
pub const CLASS_SAMPLES_MIN: usize = 2;
/// Names listed in one error message; the rest is counted.
pub const NAMES_SHOWN_MAX: usize = 20;
/// Categories of a text column: each becomes a feature; more different texts are names or free text.
pub const CATEGORIES_MAX: usize = 256;
/// Up to so many categories a text column may have whatever its length; of more, each must occur twice on average, or
/// they are names of the samples.
pub const CATEGORIES_FEW_MAX: usize = 16;
/// One category, in bytes: longer texts are sentences.
pub const CATEGORY_BYTES_MAX: usize = 1 << 10;
/// All columns' names and categories, in bytes: as many as there may be features, of an ordinary length each.
pub const COLUMNS_BYTES_MAX: u64 = COLUMNS_MAX << 8;
