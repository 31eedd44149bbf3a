//! The graph as text, for Graphviz and for Mermaid.

use std::fmt::{self, Write as _};

use super::{Edges, Graph};

impl Graph {
    /// For Graphviz: `dot -Tsvg`.
    pub fn to_dot(&self) -> String {
        let escaped = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
        let mut dot = String::from("digraph cachemacro {\n  rankdir=LR;\n");
        for (at, site) in self.functions.iter().enumerate() {
            let (path, template) = (escaped(site.path()), escaped(&site.template().to_string()));
            let _ = writeln!(dot, "  f{at} [shape=box, label=\"{path}\\n{template}\"];");
        }
        for (at, edges) in self.mutations.iter().enumerate() {
            let _ = writeln!(dot, "  m{at} [label=\"{}\"];", escaped(edges.mutation.path));
            edges.functions().iter().for_each(|to| {
                let _ = writeln!(dot, "  m{at} -> f{to};");
            });
        }
        dot.push_str("}\n");
        dot
    }

    /// For Mermaid, which many places for Markdown draw.
    pub fn to_mermaid(&self) -> String {
        let escaped = |text: &str| {
            text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
        };
        let mut mermaid = String::from("flowchart LR\n");
        for (at, site) in self.functions.iter().enumerate() {
            let (path, template) = (escaped(site.path()), escaped(&site.template().to_string()));
            let _ = writeln!(mermaid, "  f{at}[\"{path}<br>{template}\"]");
        }
        for (at, edges) in self.mutations.iter().enumerate() {
            let _ = writeln!(mermaid, "  m{at}([\"{}\"])", escaped(edges.mutation.path));
            edges.functions().iter().for_each(|to| {
                let _ = writeln!(mermaid, "  m{at} --> f{to}");
            });
        }
        mermaid
    }
}

impl fmt::Display for Graph {
    /// Each cached function, and who invalidates it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, site) in self.functions.iter().enumerate() {
            write!(f, "{}, `{}`", site.path(), site.template())?;
            if let Some(ttl) = site.ttl() {
                write!(f, ", {ttl:?}")?;
            }
            writeln!(f)?;
            let by: Vec<&Edges> =
                self.mutations.iter().filter(|edges| edges.functions().contains(&at)).collect();
            for Edges { mutation, .. } in &by {
                let how = if mutation.puts { "put" } else { "invalidated" };
                writeln!(f, "  {how} by {}", mutation.path)?;
            }
            if by.is_empty() {
                writeln!(f, "  invalidated by nothing")?;
            }
        }
        Ok(())
    }
}
