//! A judge of JSON by a JSON Schema: the keywords that bootc's schema uses, and a panic at any other, so that none is passed
//! over.

use serde_json::{Map, Value};

/// Every place at which the document is not what the schema says, in words.
pub(crate) fn faults(schema: &Value, document: &Value) -> Vec<String> {
    let mut judge = Judge {
        root: schema,
        faults: Vec::new(),
    };
    judge.value(schema, document, "$");
    judge.faults
}

struct Judge<'a> {
    root: &'a Value,
    faults: Vec<String>,
}

impl Judge<'_> {
    fn value(&mut self, schema: &Value, value: &Value, place: &str) {
        for (keyword, rule) in schema.as_object().expect("a schema is an object") {
            let right = match keyword.as_str() {
                "$schema" | "$defs" | "title" | "description" | "default" | "format" => true,
                "$ref" => {
                    let pointer = rule.as_str().unwrap().strip_prefix('#').unwrap();
                    let target = self
                        .root
                        .pointer(pointer)
                        .expect("a reference leads somewhere");
                    self.value(target, value, place);
                    true
                }
                "type" => one_or_many(rule).any(|name| is_of_type(name, value)),
                "const" => rule == value,
                "enum" => rule.as_array().unwrap().contains(value),
                "minimum" => value.as_f64().is_none_or(|n| n >= rule.as_f64().unwrap()),
                "anyOf" => self.matching(rule, value) >= 1,
                "oneOf" => self.matching(rule, value) == 1,
                "required" => {
                    let missing = |key: &Value| {
                        value.is_object() && value.get(key.as_str().unwrap()).is_none()
                    };
                    !rule.as_array().unwrap().iter().any(missing)
                }
                "items" => {
                    for (i, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.value(rule, item, &format!("{place}[{i}]"));
                    }
                    true
                }
                "properties" => {
                    for (key, item) in value.as_object().unwrap_or(&Map::new()) {
                        if let Some(schema) = rule.get(key) {
                            self.value(schema, item, &format!("{place}.{key}"));
                        }
                    }
                    true
                }
                "additionalProperties" => self.additional(schema, rule, value, place),
                other => panic!("the schema has the keyword {other}, which is not judged here"),
            };
            if !right {
                self.faults
                    .push(format!("{place}: {keyword} {rule}: {value}"));
            }
        }
    }

    fn matching(&self, schemas: &Value, value: &Value) -> usize {
        let schemas = schemas.as_array().unwrap().iter();
        schemas
            .filter(|schema| {
                let mut judge = Judge {
                    root: self.root,
                    faults: Vec::new(),
                };
                judge.value(schema, value, "");
                judge.faults.is_empty()
            })
            .count()
    }

    fn additional(&mut self, schema: &Value, rule: &Value, value: &Value, place: &str) -> bool {
        let known = schema.get("properties").and_then(Value::as_object);
        let items = value.as_object().into_iter().flatten();
        let extra: Vec<_> = items
            .filter(|(key, _)| !known.is_some_and(|known| known.contains_key(*key)))
            .collect();
        if rule.is_boolean() {
            return rule == true || extra.is_empty();
        }
        for (key, item) in extra {
            self.value(rule, item, &format!("{place}.{key}"));
        }
        true
    }
}

fn one_or_many(rule: &Value) -> impl Iterator<Item = &str> {
    let many = rule.as_array().into_iter().flatten();
    many.chain(rule.as_str().map(|_| rule))
        .map(|name| name.as_str().unwrap())
}

fn is_of_type(name: &str, value: &Value) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("the schema has the type {other}, which is not judged here"),
    }
}
