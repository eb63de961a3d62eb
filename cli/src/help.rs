//! The command line with its help in the user's language.

use clap::{Arg, ArgAction, Command};

use crate::speech::text;

/// The command, every text of it from the catalogue.
pub fn in_words(command: Command) -> Command {
    let command = command
        .arg(Arg::new("help").short('h').long("help").action(ArgAction::Help).global(true).display_order(998))
        .arg(Arg::new("version").short('V').long("version").action(ArgAction::Version).display_order(999));
    localised(command, "help")
}

fn localised(command: Command, key: &str) -> Command {
    let about = t!(format!("{key}.about")).into_owned();
    let after = format!("{key}.after");
    let mut command = command
        .about(about)
        .help_template(template())
        .subcommand_help_heading(t!("help.commands").into_owned());
    if let Some(text) = text(&after) {
        command = command.after_help(text);
    }
    let arguments: Vec<_> = command.get_arguments().map(|argument| argument.get_id().clone()).collect();
    for (place, id) in arguments.into_iter().enumerate() {
        // Arguments that every command accepts are described once.
        let own = text(&format!("{key}.{id}")).map(str::to_owned);
        let shared = || t!(format!("help.{id}")).into_owned();
        let help = own.unwrap_or_else(shared);
        command = command.mut_arg(&id, |argument| {
            let heading = if argument.is_positional() { t!("help.arguments") } else { t!("help.options") };
            let takes_value = argument.get_action().takes_values();
            let argument = argument.help(help).help_heading(heading.into_owned());
            // The text above names them, in the user's language.
            let argument = if takes_value { argument.hide_possible_values(true) } else { argument };
            if argument.is_positional() { argument.display_order(place) } else { argument }
        });
    }
    let below: Vec<_> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    for name in below {
        let below = format!("{key}.{name}");
        command = command.mut_subcommand(&name, |sub| localised(sub, &below));
    }
    command
}

fn template() -> String {
    format!("{{about-with-newline}}\n{} {{usage}}\n\n{{all-args}}{{after-help}}", t!("help.usage"))
}
