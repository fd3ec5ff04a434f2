//! As much of MongoDB's protocol as asking a server about itself takes: OP_MSG around one document, BSON to JSON.
//!
//! ```text
//! message  length:i32 request:i32 answer-to:i32 2013:i32 flags:u32 0 document
//! document length:i32 (type:u8 name\0 value)* 0
//! ```

use serde_json::{Map, Value, json};

const OP_MSG: i32 = 2013;
const HEAD: usize = 16;
/// Documents within documents; MongoDB itself allows 100.
const DEPTH_MAX: usize = 64;

/// A command: strings, numbers and nested documents, as JSON has them. Whole numbers are 32 bits wide; what the `$binary`
/// key holds becomes bytes.
pub fn message(request: i32, command: &[(&str, Value)]) -> Vec<u8> {
    let body = document(command.iter().map(|(name, value)| (*name, value)));
    let mut out = Vec::with_capacity(HEAD + 5 + body.len());
    for number in [(HEAD + 5 + body.len()) as i32, request, 0, OP_MSG, 0] {
        out.extend(number.to_le_bytes());
    }
    out.push(0);
    out.extend(body);
    out
}

/// Of the bytes that begin a message.
pub fn length(head: &[u8]) -> Option<usize> {
    let length = i32::from_le_bytes(head.get(..4)?.try_into().ok()?);
    usize::try_from(length).ok().filter(|length| *length > HEAD + 5)
}

/// The document of a message.
pub fn answer(message: &[u8]) -> Option<Value> {
    let kind = i32::from_le_bytes(message.get(12..16)?.try_into().ok()?);
    if kind != OP_MSG || message.get(20) != Some(&0) {
        return None;
    }
    let mut reader = Reader(message.get(21..)?);
    read_document(&mut reader, 0).map(Value::Object)
}

fn document<'v>(fields: impl Iterator<Item = (&'v str, &'v Value)>) -> Vec<u8> {
    let mut out = vec![0; 4];
    for (name, value) in fields {
        write(&mut out, name, value);
    }
    out.push(0);
    let length = (out.len() as i32).to_le_bytes();
    out[..4].copy_from_slice(&length);
    out
}

fn write(out: &mut Vec<u8>, name: &str, value: &Value) {
    let mut head = |kind: u8| {
        out.push(kind);
        out.extend(name.bytes().filter(|byte| *byte != 0));
        out.push(0);
    };
    match value {
        Value::Null => head(0x0a),
        Value::Bool(flag) => {
            head(0x08);
            out.push(u8::from(*flag));
        }
        Value::Number(number) => match number.as_i64().and_then(|number| i32::try_from(number).ok()) {
            Some(number) => {
                head(0x10);
                out.extend(number.to_le_bytes());
            }
            None => {
                head(0x01);
                out.extend(number.as_f64().unwrap_or(f64::NAN).to_le_bytes());
            }
        },
        Value::String(text) => {
            head(0x02);
            out.extend((text.len() as i32 + 1).to_le_bytes());
            out.extend(text.as_bytes());
            out.push(0);
        }
        Value::Object(object) if object.contains_key("$binary") => {
            head(0x05);
            let bytes = object["$binary"].as_str().unwrap_or_default().as_bytes();
            out.extend((bytes.len() as i32).to_le_bytes());
            out.push(0);
            out.extend(bytes);
        }
        Value::Object(object) => {
            head(0x03);
            out.extend(document(object.iter().map(|(name, value)| (name.as_str(), value))));
        }
        Value::Array(list) => {
            head(0x04);
            let names: Vec<String> = (0..list.len()).map(|index| index.to_string()).collect();
            out.extend(document(names.iter().map(String::as_str).zip(list)));
        }
    }
}

struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    fn take(&mut self, count: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn i32(&mut self) -> Option<i32> {
        Some(i32::from_le_bytes(self.array()?))
    }

    fn i64(&mut self) -> Option<i64> {
        Some(i64::from_le_bytes(self.array()?))
    }

    fn size(&mut self) -> Option<usize> {
        usize::try_from(self.i32()?).ok()
    }

    fn name(&mut self) -> Option<String> {
        let end = self.0.iter().position(|byte| *byte == 0)?;
        let name = String::from_utf8_lossy(&self.0[..end]).into_owned();
        self.take(end + 1)?;
        Some(name)
    }

    fn text(&mut self) -> Option<String> {
        let length = self.size()?.checked_sub(1)?;
        let text = String::from_utf8_lossy(self.take(length)?).into_owned();
        self.take(1)?;
        Some(text)
    }
}

fn read_document(reader: &mut Reader<'_>, depth: usize) -> Option<Map<String, Value>> {
    let length = reader.size()?.checked_sub(4)?;
    let mut inner = Reader(reader.take(length)?);
    let mut fields = Map::new();
    if depth > DEPTH_MAX {
        return None;
    }
    loop {
        let kind = inner.take(1)?[0];
        if kind == 0 {
            return Some(fields);
        }
        let name = inner.name()?;
        fields.insert(name, read(&mut inner, kind, depth)?);
    }
}

/// Dates become milliseconds, timestamps their seconds, what JSON has no word for a text.
fn read(reader: &mut Reader<'_>, kind: u8, depth: usize) -> Option<Value> {
    Some(match kind {
        0x01 => json!(f64::from_le_bytes(reader.array()?)),
        0x02 | 0x0d | 0x0e => json!(reader.text()?),
        0x03 => Value::Object(read_document(reader, depth + 1)?),
        0x04 => Value::Array(read_document(reader, depth + 1)?.into_iter().map(|(_, value)| value).collect()),
        0x05 => {
            let length = reader.size()?;
            reader.take(1)?;
            json!({ "$binary": String::from_utf8_lossy(reader.take(length)?) })
        }
        0x07 => json!(reader.array::<12>()?.iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
        0x08 => json!(reader.take(1)?[0] != 0),
        0x09 | 0x12 => json!(reader.i64()?),
        0x06 | 0x0a | 0x7f | 0xff => Value::Null,
        0x0b => json!([reader.name()?, reader.name()?]),
        0x10 => json!(reader.i32()?),
        // The upper half of a timestamp is seconds, the lower a count within one.
        0x11 => json!(reader.i64()? as u64 >> 32),
        0x13 => json!(reader.array::<16>()?.to_vec()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let command = [
            ("hello", json!(1)),
            ("$db", json!("admin")),
            ("big", json!(1e12)),
            ("inner", json!({"list": [1, "x", null, true], "payload": {"$binary": "n,,n=u"}})),
        ];
        let message = message(7, &command);
        assert_eq!(length(&message), Some(message.len()));
        let read = answer(&message).unwrap();
        for (name, value) in command {
            assert_eq!(read[name], value, "{name}");
        }
    }

    #[test]
    fn dates_and_timestamps_are_numbers() {
        let mut body = vec![0; 4];
        body.extend(b"\x09date\x00");
        body.extend(1_795_266_860_000_i64.to_le_bytes());
        body.extend(b"\x11ts\x00");
        body.extend((1_795_266_860_u64 << 32 | 5).to_le_bytes());
        body.push(0);
        let length = (body.len() as i32).to_le_bytes();
        body[..4].copy_from_slice(&length);
        let read = read_document(&mut Reader(&body), 0).unwrap();
        assert_eq!((&read["date"], &read["ts"]), (&json!(1_795_266_860_000_i64), &json!(1_795_266_860)));
    }
}
