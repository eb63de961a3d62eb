//! The secret that lets a program talk to this site: the file `http.token`.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use data_encoding::BASE32_NOPAD;

/// Name of the file inside the data folder.
pub const TOKEN_FILE: &str = "http.token";

/// A bearer token.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// The token of a data folder; made at the first start, readable by its owner only.
    pub fn of_folder(folder: &Path) -> io::Result<Self> {
        match Self::read(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::create(folder),
            token => token,
        }
    }

    /// The token of a data folder in which a node was started before.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let mut text = String::new();
        File::open(folder.join(TOKEN_FILE))?.take(1024).read_to_string(&mut text)?;
        let token = text.trim();
        if token.len() < 16 {
            let what = "http.token is damaged; delete it and start the node again to get a new one";
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        Ok(Self(token.to_owned()))
    }

    fn create(folder: &Path) -> io::Result<Self> {
        let mut secret = [0; 20];
        getrandom::fill(&mut secret).map_err(io::Error::other)?;
        let token = BASE32_NOPAD.encode(&secret).to_ascii_lowercase();
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(folder.join(TOKEN_FILE))?;
        writeln!(file, "{token}")?;
        file.sync_all()?;
        Ok(Self(token))
    }

    /// As it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `given` is this token; takes equally long however much of it is right.
    pub fn matches(&self, given: &str) -> bool {
        let (own, given) = (self.0.as_bytes(), given.as_bytes());
        let differences = own.iter().zip(given).fold(0, |all, (a, b)| all | (a ^ b));
        own.len() == given.len() && std::hint::black_box(differences) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_made_once_and_kept_from_others() {
        let folder = tempfile::tempdir().unwrap();
        let token = Token::of_folder(folder.path()).unwrap();
        let again = Token::of_folder(folder.path()).unwrap();
        assert!(token.matches(again.as_str()) && token.as_str().len() == 32);
        assert!(!token.matches("") && !token.matches(&token.as_str()[1..]));
        assert!(!token.matches(&token.as_str().to_uppercase()));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = folder.path().join(TOKEN_FILE).metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        std::fs::write(folder.path().join(TOKEN_FILE), "\n").unwrap();
        assert!(Token::of_folder(folder.path()).is_err());
    }
}
