//! Values in this process.
