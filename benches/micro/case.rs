//! A case to be measured.

pub struct Case {
    pub name: &'static str,
    pub run: Box<dyn FnMut()>,
}
