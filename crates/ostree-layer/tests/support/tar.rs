//! Tar archives made byte by byte: what no archiver would write can be written too.

/// One header, every field free; `Default` is an empty regular ustar file called `f`.
#[derive(Debug, Clone)]
pub struct Raw {
    pub name: Vec<u8>,
    pub mode: Vec<u8>,
    pub uid: Vec<u8>,
    pub gid: Vec<u8>,
    pub size: Vec<u8>,
    pub mtime: Vec<u8>,
    pub flag: u8,
    pub link: Vec<u8>,
    pub magic: Vec<u8>,
    /// From byte 345: ustar's prefix, or GNU's times and sparse map.
    pub rest: Vec<u8>,
    pub devices: (u32, u32),
    pub checksum: Option<Vec<u8>>,
}

pub const USTAR: &[u8] = b"ustar\x0000";
pub const GNU: &[u8] = b"ustar  \0";
pub const V7: &[u8] = b"";

impl Default for Raw {
    fn default() -> Self {
        Self {
            name: b"f".to_vec(),
            mode: b"0000644\0".to_vec(),
            uid: b"0000000\0".to_vec(),
            gid: b"0000000\0".to_vec(),
            size: octal(0),
            mtime: octal(0),
            flag: b'0',
            link: Vec::new(),
            magic: USTAR.to_vec(),
            rest: Vec::new(),
            devices: (0, 0),
            checksum: None,
        }
    }
}

/// Eleven octal digits and a NUL.
pub fn octal(number: u64) -> Vec<u8> {
    format!("{number:011o}\0").into_bytes()
}

impl Raw {
    pub fn file(name: &str) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    pub fn block(&self) -> Vec<u8> {
        let mut block = vec![0; 512];
        let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &self.name);
        put(100, &self.mode);
        put(108, &self.uid);
        put(116, &self.gid);
        put(124, &self.size);
        put(136, &self.mtime);
        put(148, b"        ");
        put(156, &[self.flag]);
        put(157, &self.link);
        put(257, &self.magic);
        if self.devices != (0, 0) || matches!(self.flag, b'3' | b'4') {
            put(
                329,
                format!("{:07o}\0{:07o}\0", self.devices.0, self.devices.1).as_bytes(),
            );
        }
        put(345, &self.rest);
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        let checksum = self
            .checksum
            .clone()
            .unwrap_or_else(|| format!("{sum:06o}\0 ").into_bytes());
        block[148..148 + checksum.len()].copy_from_slice(&checksum);
        block
    }

    /// The header and its content, padded.
    pub fn with(mut self, content: &[u8]) -> Vec<u8> {
        self.size = octal(content.len() as u64);
        [self.block(), padded(content)].concat()
    }
}

pub fn padded(content: &[u8]) -> Vec<u8> {
    let mut bytes = content.to_vec();
    bytes.resize(content.len().next_multiple_of(512), 0);
    bytes
}

/// One pax record.
pub fn record(keyword: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Vec<u8> {
    let body = [b" ", keyword.as_ref(), b"=", value.as_ref(), b"\n"].concat();
    let mut length = body.len() + 1;
    while length != body.len() + length.to_string().len() {
        length += 1;
    }
    [length.to_string().into_bytes(), body].concat()
}

/// Archives by a few words an entry.
#[derive(Debug, Clone, Default)]
pub struct Tar {
    pub bytes: Vec<u8>,
    records: Vec<u8>,
}

impl Tar {
    pub fn new() -> Self {
        Self::default()
    }

    /// Two blocks of zeros at the end.
    pub fn end(mut self) -> Vec<u8> {
        self.bytes.extend([0; 1024]);
        self.bytes
    }

    pub fn raw(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.bytes.extend_from_slice(bytes.as_ref());
        self
    }

    /// Records for the next entry.
    pub fn pax(mut self, keyword: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.records.extend(record(keyword, value));
        self
    }

    pub fn xattr(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.pax(format!("SCHILY.xattr.{name}"), value)
    }

    /// A header as it is given, after the records; long names and targets go to records.
    pub fn entry(mut self, mut raw: Raw, content: &[u8]) -> Self {
        if raw.name.len() > 100 {
            self.records.extend(record("path", &raw.name));
            raw.name.truncate(100);
        }
        if raw.link.len() > 100 {
            self.records.extend(record("linkpath", &raw.link));
            raw.link.truncate(100);
        }
        let records = std::mem::take(&mut self.records);
        if !records.is_empty() {
            let header = Raw {
                flag: b'x',
                ..Raw::file("PaxHeaders/f")
            };
            self.bytes.extend(header.with(&records));
        }
        self.bytes.extend(raw.with(content));
        self
    }

    pub fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        self.entry(Raw::file(name), content.as_ref())
    }

    pub fn dir(self, name: &str) -> Self {
        self.dir_mode(name, 0o755)
    }

    pub fn dir_mode(self, name: &str, mode: u32) -> Self {
        let mode = format!("{mode:07o}\0").into_bytes();
        self.entry(
            Raw {
                flag: b'5',
                mode,
                ..Raw::file(name)
            },
            b"",
        )
    }

    pub fn symlink(self, name: &str, target: &str) -> Self {
        let mode = b"0000777\0".to_vec();
        self.entry(
            Raw {
                flag: b'2',
                link: target.into(),
                mode,
                ..Raw::file(name)
            },
            b"",
        )
    }

    pub fn hardlink(self, name: &str, target: &str) -> Self {
        self.entry(
            Raw {
                flag: b'1',
                link: target.into(),
                ..Raw::file(name)
            },
            b"",
        )
    }

    pub fn special(self, flag: u8, name: &str, devices: (u32, u32)) -> Self {
        self.entry(
            Raw {
                flag,
                devices,
                ..Raw::file(name)
            },
            b"",
        )
    }

    /// A GNU long name (`L`) or link target (`K`).
    pub fn gnu_long(self, flag: u8, text: &[u8]) -> Self {
        let header = Raw {
            flag,
            magic: GNU.to_vec(),
            ..Raw::file("././@LongLink")
        };
        let body = [text, b"\0"].concat();
        self.raw(header.with(&body))
    }
}
