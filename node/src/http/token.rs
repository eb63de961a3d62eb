//! The secret that lets a program talk to this site: the file `http.token`.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use data_encoding::BASE32_NOPAD;

/// Name of the file inside the data folder.
pub const TOKEN_FILE: &str = "http.token";

/// A bearer token.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// The token of a data folder; made at the first start, readable by its owner only. One that is
    /// damaged is replaced: it is a secret and nothing else.
    pub fn of_folder(folder: &Path) -> io::Result<Self> {
        match Self::read(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::create(folder),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                tracing::warn!(%error, "programs that talk to this node need the new token");
                Self::create(folder)
            }
            token => token,
        }
    }

    /// The token of a data folder in which a node was started before.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let mut text = String::new();
        File::open(folder.join(TOKEN_FILE))?.take(1024).read_to_string(&mut text)?;
        let token = text.trim();
        if token.len() < 16 || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "http.token is damaged"));
        }
        Ok(Self(token.to_owned()))
    }

    fn create(folder: &Path) -> io::Result<Self> {
        let mut secret = [0; 20];
        getrandom::fill(&mut secret).map_err(io::Error::other)?;
        let token = BASE32_NOPAD.encode(&secret).to_ascii_lowercase();
        tandem_store::write_private(&folder.join(TOKEN_FILE), format!("{token}\n").as_bytes())?;
        Ok(Self(token))
    }

    /// What only the node of that folder can answer to `question` when it listens on `port`. Says
    /// nothing of the token, and is worth nothing to who passes the question on from another port.
    pub fn proof(&self, question: &str, port: u16) -> String {
        let key = blake3::derive_key("tandem node proves itself, version 1", self.0.as_bytes());
        let mut hasher = blake3::Hasher::new_keyed(&key);
        hasher.update(&port.to_be_bytes()).update(question.as_bytes());
        hasher.finalize().to_hex().to_string()
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
        // A node that starts makes another; whoever only reads it is told.
        assert!(Token::read(folder.path()).is_err());
        let another = Token::of_folder(folder.path()).unwrap();
        assert!(!another.matches(token.as_str()));
        assert!(Token::read(folder.path()).unwrap().matches(another.as_str()));
    }

    #[test]
    fn a_proof_holds_for_its_token_question_and_port_only() {
        let [one, other] = ["a".repeat(32), "b".repeat(32)].map(Token);
        let proof = one.proof("question", 7117);
        assert_eq!(proof, one.proof("question", 7117));
        assert!(proof.len() == 64 && !proof.contains(one.as_str()));
        for wrong in
            [one.proof("question", 7118), one.proof("question2", 7117), other.proof("question", 7117)]
        {
            assert_ne!(proof, wrong);
        }
    }
}
