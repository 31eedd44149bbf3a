//! `--name value` on the command line.

use std::str::FromStr;

/// The arguments of an example.
pub struct Args {
    rest: Vec<String>,
}

impl Args {
    /// Those of this process.
    pub fn of_process() -> Self {
        Self { rest: std::env::args().skip(1).collect() }
    }

    /// Takes the value after `name`.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn take<T: FromStr>(&mut self, name: &str) -> Result<Option<T>, String> {
        let Some(at) = self.rest.iter().position(|arg| arg == name) else { return Ok(None) };
        if at + 1 == self.rest.len() {
            return Err(format!("`{name}` takes a value"));
        }
        let value = self.rest.drain(at..at + 2).nth(1).unwrap_or_default();
        value.parse().map(Some).map_err(|_| format!("`{value}` is no value for `{name}`"))
    }

    /// Ends the reading.
    ///
    /// # Errors
    ///
    /// The first argument that nothing took.
    pub fn finish(self, known: &str) -> Result<(), String> {
        match self.rest.first() {
            Some(arg) => Err(format!("unknown argument `{arg}`; there are {known}")),
            None => Ok(()),
        }
    }
}
