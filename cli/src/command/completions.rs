//! `tandem completions`: what a shell needs to complete the command line.

use clap::Args;
use clap_complete::Shell;

use crate::failure::Outcome;
use crate::terminal::print_data;

#[derive(Args)]
pub struct Completions {
    shell: Shell,
}

impl Completions {
    pub fn run(&self, mut command: clap::Command) -> Outcome {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, "tandem", &mut script);
        print_data(&String::from_utf8_lossy(&script))
    }
}
