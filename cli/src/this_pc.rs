//! What this PC is called.

/// The name people gave this PC, fit for a site.
pub fn this_pc() -> String {
    let of_environment = || ["COMPUTERNAME", "HOSTNAME"].iter().find_map(|name| std::env::var(name).ok());
    let of_system = || std::fs::read_to_string("/etc/hostname").ok();
    of_environment()
        .or_else(of_system)
        .map(|name| name.trim().to_owned())
        .and_then(|name| tandem_node::api::space::typed_name(&name).ok())
        .unwrap_or_else(|| "pc".to_owned())
}
