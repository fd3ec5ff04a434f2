//! Parameters of a query string or a form, in order and repeated as they came: Graphite's clients repeat
//! `target`, and the last of equal ones counts elsewhere.

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters(pub Vec<(String, String)>);

impl Parameters {
    pub fn of_query(query: &str) -> Parameters {
        Parameters(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// Those of a form stand behind those of the address, so that they win where the last counts and all are
    /// there where all count, as Django joins them.
    pub fn and(self, form: Parameters) -> Parameters {
        Parameters([self.0, form.0].concat())
    }

    pub fn all(&self, name: &str) -> Vec<String> {
        self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone()).collect()
    }

    pub fn last(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_in_order() {
        let parameters = Parameters::of_query("target=a.%2A&target=b+c&&x&y=%zz%4&z=%C3%A4%FF");
        assert_eq!(parameters.all("target"), ["a.*", "b c"]);
        assert_eq!(parameters.last("target"), Some("b c"));
        assert_eq!(parameters.last("x"), Some(""));
        assert_eq!(parameters.last("y"), Some("%zz%4"));
        assert_eq!(parameters.last("z"), Some("ä\u{fffd}"));
        assert_eq!(parameters.last("none"), None);
    }
}
