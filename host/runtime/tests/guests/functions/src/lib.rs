//! Functions over each kind of type, and a resource.

#![allow(missing_docs)]

wit_bindgen::generate!({
    inline: r#"
        package test:shapes@1.2.0;

        interface shapes {
            record point { x: s32, y: s32 }
            variant shape { circle(f64), polygon(list<point>), nothing }
            enum colour { red, green }
            flags style { bold, italic }
            move: func(p: point, by: tuple<s32, s32>) -> point;
            area: func(s: shape) -> result<f64, string>;
            first: func(texts: list<string>, fallback: option<string>) -> option<string>;
            paint: func(c: colour, s: style) -> string;
            grow: func(bytes: u32) -> u32;
            spin: func();
            fail: func(text: string);
        }

        interface counting {
            resource counter {
                constructor(start: u32);
                add: func(by: u32) -> u32;
                merge: static func(a: counter, b: counter) -> counter;
            }
            sum: func(a: borrow<counter>, b: borrow<counter>) -> u32;
            record named { name: string, counter: option<counter> }
            total: func(of: list<borrow<counter>>, and: list<named>) -> u32;
            pair: func() -> tuple<counter, counter>;
        }

        world functions {
            export shapes;
            export counting;
            export double: func(n: u64) -> u64;
        }
    "#,
});

use exports::test::shapes::counting::{self, Counter, CounterBorrow, GuestCounter, Named};
use exports::test::shapes::shapes::{Colour, Guest as Shapes, Point, Shape, Style};
use std::cell::Cell;

struct Functions;

impl Guest for Functions {
    fn double(n: u64) -> u64 {
        n * 2
    }
}

impl Shapes for Functions {
    fn move_(p: Point, by: (i32, i32)) -> Point {
        Point { x: p.x + by.0, y: p.y + by.1 }
    }

    fn area(s: Shape) -> Result<f64, String> {
        match s {
            Shape::Circle(radius) => Ok(radius * radius * 3.0),
            Shape::Polygon(points) => Err(format!("{} corners", points.len())),
            Shape::Nothing => Ok(0.0),
        }
    }

    fn first(texts: Vec<String>, fallback: Option<String>) -> Option<String> {
        texts.into_iter().next().or(fallback)
    }

    fn paint(c: Colour, s: Style) -> String {
        let colour = match c {
            Colour::Red => "red",
            Colour::Green => "green",
        };
        let bold = if s.contains(Style::BOLD) { "bold " } else { "" };
        format!("{bold}{colour}")
    }

    fn grow(bytes: u32) -> u32 {
        std::hint::black_box(vec![1_u8; bytes as usize]).len() as u32
    }

    fn spin() {
        loop {
            std::hint::black_box(0);
        }
    }

    fn fail(text: String) {
        panic!("{text}");
    }
}

struct Count(Cell<u32>);

impl GuestCounter for Count {
    fn new(start: u32) -> Self {
        Self(Cell::new(start))
    }

    fn add(&self, by: u32) -> u32 {
        self.0.set(self.0.get() + by);
        self.0.get()
    }

    fn merge(a: Counter, b: Counter) -> Counter {
        let sum = a.get::<Count>().0.get() + b.get::<Count>().0.get();
        Counter::new(Count(Cell::new(sum)))
    }
}

impl counting::Guest for Functions {
    type Counter = Count;

    fn sum(a: CounterBorrow<'_>, b: CounterBorrow<'_>) -> u32 {
        a.get::<Count>().0.get() + b.get::<Count>().0.get()
    }

    fn total(of: Vec<CounterBorrow<'_>>, and: Vec<Named>) -> u32 {
        let of = of.iter().map(|counter| counter.get::<Count>().0.get());
        let and = and.iter().filter_map(|named| named.counter.as_ref());
        of.chain(and.map(|counter| counter.get::<Count>().0.get())).sum()
    }

    fn pair() -> (Counter, Counter) {
        let counter = |start| Counter::new(Count(Cell::new(start)));
        (counter(1), counter(2))
    }
}

export!(Functions);
