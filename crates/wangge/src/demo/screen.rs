//! The terminal: redraws the board in place, and leaves it as it found it.
//!
//! Not here: what the board says.

use std::io::{IsTerminal, Write};

use console::Term;

/// A terminal that shows a board.
pub(super) struct Screen {
    term: Term,
    /// Lines of the board that is on it.
    drawn: usize,
}

impl Screen {
    /// The terminal of standard output; none when a file or a pipe is there.
    pub(super) fn open() -> Option<Self> {
        std::io::stdout().is_terminal().then(|| {
            let term = Term::stdout();
            // A terminal that cannot hide its cursor shows it; nothing else changes.
            let _ = term.hide_cursor();
            Self { term, drawn: 0 }
        })
    }

    /// Columns and rows.
    pub(super) fn size(&self) -> (usize, usize) {
        let (rows, columns) = self.term.size();
        (usize::from(columns), usize::from(rows))
    }

    /// Draws a board over the one before, in one write, so that it does not flicker.
    pub(super) fn draw(&mut self, lines: &[String]) {
        let mut text = if self.drawn > 0 { format!("\x1b[{}A", self.drawn) } else { String::new() };
        for line in lines {
            text.push_str(line);
            // Clear what the line before left behind it.
            text.push_str("\x1b[K\n");
        }
        // A board that became lower leaves lines below it.
        text.push_str("\x1b[J");
        // A terminal that went away is noticed by the signal that ends the demo.
        let _ = (&self.term).write_all(text.as_bytes()).and_then(|()| self.term.flush());
        self.drawn = lines.len();
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.term.show_cursor();
    }
}
