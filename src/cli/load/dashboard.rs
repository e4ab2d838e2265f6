//! What people see on a terminal while a load lasts: its rates and responses as they change, and what is under
//! way.
//!
//! It takes the last lines of the screen and stays there when the load is over. Not here: where the figures
//! come from (`load::progress`), or what is told where there is no terminal (`live`).

use std::collections::VecDeque;
use std::io::{self, Stderr};

use ratatui::backend::CrosstermBackend;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style};
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Block, Chart, Dataset, GraphType, LineGauge, Paragraph, Wrap};
use ratatui::{Frame, Terminal, TerminalOptions, Viewport};

use crate::base::time::Duration;

/// Lines of the screen that it takes.
const HEIGHT: u16 = 14;
/// Looks that are drawn: four minutes of them.
const LOOKS: usize = 240;

/// What one sees at a time of the load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// Since the load began.
    pub at: Duration,
    /// Operations a second whose instants came.
    pub due: f64,
    /// Operations a second that were over.
    pub over: f64,
    /// Operations that are not over.
    pub open: u64,
    /// Messages that are on the way.
    pub traveling: u64,
    /// Connections.
    pub connected: i64,
    /// The responses' median and 99th percentile since the last look.
    pub response: [Duration; 2],
}

/// What is drawn.
#[derive(Clone, Debug)]
pub struct Picture {
    /// What is under way.
    title: String,
    /// How long the schedule is.
    planned: Duration,
    color: bool,
    looks: VecDeque<Look>,
}

impl Picture {
    /// Of a load with this name, whose schedule is that long.
    #[must_use]
    pub const fn new(title: String, planned: Duration, color: bool) -> Self {
        Self { title, planned, color, looks: VecDeque::new() }
    }

    /// Takes in what is seen now.
    pub fn see(&mut self, look: Look) {
        if self.looks.len() == LOOKS {
            self.looks.pop_front();
        }
        self.looks.push_back(look);
    }

    fn style(&self, color: Color) -> Style {
        if self.color { Style::new().fg(color) } else { Style::new() }
    }

    /// Draws it.
    pub fn draw(&self, frame: &mut Frame<'_>) {
        let rows = [Constraint::Length(1), Constraint::Min(6), Constraint::Length(2)];
        let [head, middle, foot] = Layout::vertical(rows).areas(frame.area());
        let halves = [Constraint::Fill(1), Constraint::Fill(1)];
        let [left, right] = Layout::horizontal(halves).areas(middle);
        self.draw_head(frame, head);
        let rates = [("due", Color::Yellow), ("over", Color::Green)];
        self.draw_chart(frame, left, "operations a second: due, over", rates, |it| {
            [it.due, it.over]
        });
        let responses = [("p50", Color::Cyan), ("p99", Color::Red)];
        let millis = |it: Duration| it.as_secs_f64() * 1_000.0;
        self.draw_chart(frame, right, "response in ms: p50, p99", responses, |it| {
            it.response.map(millis)
        });
        frame.render_widget(Paragraph::new(self.words()), foot);
    }

    fn draw_head(&self, frame: &mut Frame<'_>, area: Rect) {
        let at = self.looks.back().map_or(Duration::ZERO, |look| look.at);
        let (at, planned) = (at.as_secs_f64(), self.planned.as_secs_f64());
        let phase = if at > planned { ", settling" } else { "" };
        let label = format!("{}  {at:.0} s of {planned:.0} s{phase}", self.title);
        let ratio = if planned > 0.0 { (at / planned).clamp(0.0, 1.0) } else { 1.0 };
        let gauge = LineGauge::default().label(label).ratio(ratio);
        frame.render_widget(gauge.filled_style(self.style(Color::Green)), area);
    }

    /// Two series over the time.
    fn draw_chart(
        &self,
        frame: &mut Frame<'_>,
        area: Rect,
        title: &str,
        names: [(&str, Color); 2],
        of: impl Fn(&Look) -> [f64; 2],
    ) {
        let points: Vec<(f64, [f64; 2])> =
            self.looks.iter().map(|look| (look.at.as_secs_f64(), of(look))).collect();
        let series = [0, 1].map(|n| -> Vec<(f64, f64)> {
            points.iter().map(|(at, values)| (*at, values[n])).collect()
        });
        let most = points.iter().flat_map(|(_, values)| *values).fold(1.0, f64::max);
        let from = points.first().map_or(0.0, |(at, _)| *at);
        let to = points.last().map_or(1.0, |(at, _)| at.max(from + 1.0));
        let sets = series.iter().zip(names).map(|(points, (name, color))| {
            let set = Dataset::default().name(name.to_owned()).data(points);
            set.marker(Marker::Braille).graph_type(GraphType::Line).style(self.style(color))
        });
        let labels = |from: f64, to: f64| [figure(from), figure(to)];
        let chart = Chart::new(sets.collect())
            .block(Block::bordered().title(title.to_owned()))
            .x_axis(Axis::default().bounds([from, to]).labels(labels(from, to)))
            .y_axis(Axis::default().bounds([0.0, most]).labels(labels(0.0, most)));
        frame.render_widget(chart, area);
    }

    /// The figures in words.
    fn words(&self) -> Vec<Line<'static>> {
        let Some(look) = self.looks.back() else { return Vec::new() };
        let [median, late] = look.response;
        let first = format!(
            "due {:.0}/s  over {:.0}/s  open {}  on the way {}  connected {}  response p50 {} p99 {}",
            look.due,
            look.over,
            look.open,
            look.traveling,
            look.connected,
            short(median),
            short(late)
        );
        let second = Span::styled("Ctrl-C ends it in order", self.style(Color::DarkGray));
        vec![Line::from(first), Line::from(second)]
    }
}

/// A value of an axis, as short as it is exact enough.
fn figure(value: f64) -> String {
    if value >= 10.0 || value == 0.0 { format!("{value:.0}") } else { format!("{value:.1}") }
}

/// In microseconds.
fn short(span: Duration) -> Duration {
    Duration::from_micros(span.as_nanos() / 1_000)
}

/// A picture on the terminal.
pub struct Dashboard {
    terminal: Terminal<CrosstermBackend<Stderr>>,
    picture: Picture,
}

impl Dashboard {
    /// Takes its part of the screen.
    ///
    /// # Errors
    /// When the terminal does not say where it is.
    pub fn open(picture: Picture) -> io::Result<Self> {
        let options = TerminalOptions { viewport: Viewport::Inline(HEIGHT) };
        let terminal = Terminal::with_options(CrosstermBackend::new(io::stderr()), options)?;
        Ok(Self { terminal, picture })
    }

    /// Shows what is seen now. A terminal that is gone is no reason to end a load.
    pub fn show(&mut self, look: Look) {
        self.picture.see(look);
        let Self { terminal, picture } = self;
        let _ = terminal.draw(|frame| picture.draw(frame));
    }

    /// Tells something above the picture.
    pub fn tell(&mut self, what: &str) {
        let line = Paragraph::new(what.to_owned()).wrap(Wrap { trim: false });
        let width = self.terminal.get_frame().area().width.max(1);
        let lines = what.chars().count().div_ceil(usize::from(width)).max(1);
        let lines = u16::try_from(lines).unwrap_or(u16::MAX);
        let _ = self.terminal.insert_before(lines, |buffer| {
            ratatui::widgets::Widget::render(line, buffer.area, buffer);
        });
    }
}

impl Drop for Dashboard {
    /// What comes next is written below the picture.
    fn drop(&mut self) {
        let bottom = self.terminal.get_frame().area().bottom();
        let _ = self.terminal.set_cursor_position((0, bottom));
        let _ = self.terminal.show_cursor();
        crate::cli::output::note("\n");
    }
}

#[cfg(test)]
mod tests {
    use ratatui::backend::TestBackend;

    use super::*;

    /// A load that gets slower, drawn.
    fn drawn(seconds: u64, width: u16) -> String {
        let mut picture = Picture::new("mailbox".to_owned(), Duration::from_secs(10), true);
        for second in 1..=seconds {
            let slower = Duration::from_millis(second * second);
            picture.see(Look {
                at: Duration::from_secs(second),
                due: 1_000.0,
                over: 1_000.0 - 10.0 * second as f64,
                open: 10 * second,
                traveling: 3,
                connected: 200,
                response: [Duration::from_micros(300), slower],
            });
        }
        let mut terminal = Terminal::new(TestBackend::new(width, HEIGHT)).unwrap();
        terminal.draw(|frame| picture.draw(frame)).unwrap();
        terminal.backend().to_string()
    }

    #[test]
    fn a_picture_shows_rates_responses_and_what_is_under_way() {
        insta::assert_snapshot!(drawn(8, 100));
    }

    #[test]
    fn nothing_and_too_little_room_are_drawn_too() {
        assert!(drawn(0, 100).contains("0 s of 10 s"));
        assert!(drawn(LOOKS as u64 + 20, 100).contains("settling"));
        for width in [1, 5, 20] {
            drawn(3, width);
        }
    }
}
