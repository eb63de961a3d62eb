//! Codes and parameters as sentences, in one language.

use tandem_protocol::cause::{Cause, Param, Params};

use crate::{Language, catalogue, french};

/// The words of one language, for one kind of reader.
#[derive(Clone, Copy)]
pub struct Words {
    language: Language,
    show: fn(&str) -> String,
}

/// An error in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// What happened, and what was not lost.
    pub message: String,
    /// What to do next.
    pub hints: Vec<String>,
}

impl Words {
    /// The words of a language; what is stored or typed stands in them as it is.
    pub fn of(language: Language) -> Self {
        Self { language, show: str::to_owned }
    }

    /// The same, where what is stored or typed must be put differently before it is shown.
    pub fn shown_by(self, show: fn(&str) -> String) -> Self {
        Self { show, ..self }
    }

    /// The text of a key.
    pub fn text(&self, key: &str) -> Option<&'static str> {
        catalogue::text(self.language, key)
    }

    /// The text of a key with these parameters.
    pub fn with(&self, key: &str, params: &[(&str, String)]) -> Option<String> {
        let value =
            |name: &str| params.iter().find(|(of, _)| *of == name).map(|(_, value)| (self.show)(value));
        self.fill(self.text(key)?, |name| Some(value(name).unwrap_or_else(missing)))
    }

    /// An error of that code. None when the code, or that of a cause among the parameters, is not in
    /// the catalogue: a newer program has said it.
    pub fn error(&self, code: &str, params: &Params) -> Option<Told> {
        let message = self.render(self.text(&format!("error.{code}.text"))?, params)?;
        let hints = (1..).map_while(|number| self.text(&format!("error.{code}.hint{number}")));
        let hints = hints.map(|hint| self.render(hint, params)).collect::<Option<_>>()?;
        Some(Told { message, hints })
    }

    /// A cause in words; none as for [`Words::error`].
    pub fn cause(&self, cause: &Cause) -> Option<String> {
        self.render(self.text(&format!("cause.{}", cause.code))?, &cause.params)
    }

    fn render(&self, template: &str, params: &Params) -> Option<String> {
        self.fill(template, |name| {
            params.get(name).map_or_else(|| Some(missing()), |param| self.param(param))
        })
    }

    /// Puts parameters in place of `%{name}`.
    fn fill(&self, template: &str, value: impl Fn(&str) -> Option<String>) -> Option<String> {
        let mut text = String::with_capacity(template.len());
        let mut rest = template;
        while let Some((before, after)) = rest.split_once("%{") {
            let Some((name, after)) = after.split_once('}') else { break };
            text.push_str(before);
            let value = value(name)?;
            if self.language == Language::French {
                french::elide(&mut text, &value);
            }
            text.push_str(&value);
            rest = after;
        }
        text.push_str(rest);
        Some(text)
    }

    fn param(&self, param: &Param) -> Option<String> {
        match param {
            Param::Text(text) => Some((self.show)(text)),
            Param::Cause(cause) => self.cause(cause),
            Param::List(list) => {
                let all: Option<Vec<_>> = list.iter().map(|one| self.param(one)).collect();
                let all = all?;
                // Texts that begin lines of their own follow one another as they are.
                let are_lines = all.iter().all(|one| one.starts_with('\n'));
                Some(all.join(if are_lines { "" } else { ", " }))
            }
        }
    }
}

/// In place of a parameter that was not given.
fn missing() -> String {
    "?".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(language: Language, code: &str, detail: impl Into<Param>) -> Option<Told> {
        Words::of(language).error(code, &Params::from([("detail".into(), detail.into())]))
    }

    #[test]
    fn a_cause_is_told_in_the_language_of_its_error() {
        let cause = Cause::new("in_statement")
            .with("number", 2)
            .with("fault", Cause::new("sqlite_no_table").with("name", "élèves"));
        let english = told(Language::English, "sql_error", cause.clone()).unwrap();
        assert_eq!(
            english.message,
            "The SQL cannot be run: statement 2: no such table: élèves. Nothing was changed."
        );
        let french = told(Language::French, "sql_error", cause).unwrap();
        assert_eq!(
            french.message,
            "Le SQL ne peut pas être exécuté : instruction 2 : il n'y a pas de table élèves. Rien n'a été changé."
        );
    }

    #[test]
    fn a_parameter_is_never_read_as_a_template() {
        let cause = Cause::new("sqlite_near").with("token", "%{detail} %{");
        let told = told(Language::English, "sql_error", cause).unwrap();
        assert!(told.message.contains("near \"%{detail} %{\": syntax error"), "{told:?}");
    }

    #[test]
    fn french_words_are_joined_as_they_are_read() {
        let found = Cause::new("parser_text");
        let expected = ["parser_expression", "parser_end", "parser_words"].map(|code| {
            Cause::new("parser_ends")
                .with("found", found.clone())
                .with("expected", Cause::new(code).with("words", "articles"))
        });
        let told = |language| expected.each_ref().map(|cause| Words::of(language).cause(cause).unwrap());
        assert_eq!(
            told(Language::French),
            [
                "un texte entre guillemets se trouve à la place d'une expression",
                "un texte entre guillemets se trouve à la place de la fin",
                "un texte entre guillemets se trouve à la place de « articles »",
            ]
        );
        assert!(told(Language::English)[0].contains(" an expression"), "{expected:?}");
    }

    #[test]
    fn what_a_newer_program_says_is_not_told_in_half() {
        assert_eq!(told(Language::French, "of the future", "x"), None);
        let inner = Cause::new("in_statement").with("number", 2).with("fault", Cause::new("of the future"));
        assert_eq!(told(Language::French, "sql_error", inner), None);
    }

    #[test]
    fn what_was_typed_is_shown_as_the_reader_needs_it() {
        let words = Words::of(Language::English).shown_by(|text| text.replace('\n', "\\n"));
        let list = Param::List(vec!["a\nb".into(), Cause::new("sqlite_forbidden").into()]);
        let params = Params::from([("detail".into(), list)]);
        let told = words.error("sql_error", &params).unwrap();
        assert!(told.message.contains("a\\nb, it is not allowed."), "{told:?}");
        assert_eq!(words.with("sql.rows", &[("count", "3\n".into())]).unwrap(), "Rows: 3\\n");
        assert_eq!(words.with("sql.rows", &[]).unwrap(), "Rows: ?");
        assert_eq!(words.with("sql.nothing", &[]), None);
    }
}
