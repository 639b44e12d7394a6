#include "agent/import/advice.hpp"

#include <array>
#include <map>
#include <sstream>

namespace understudy::importer {

namespace {

struct Advice {
    Severity severity = Severity::note;
    const char* text = "";
};

struct Row {
    const char* keywords;  // between blanks
    Severity severity;
    const char* text;
};

constexpr auto note = Severity::note;
constexpr auto warning = Severity::warning;

constexpr const char* lvs =
    "LVS is not part of understudy; leave these blocks in a keepalived.conf of their own, without "
    "vrrp_ blocks, and run keepalived with -C (health checkers only)";
constexpr const char* not_needed = "not needed";
constexpr const char* announces =
    "not needed: addresses are announced at once, after 0.2 s, 1 s and 5 s, every minute, and when "
    "a rival is heard";
constexpr const char* mail =
    "no mail is sent; follow `understudy events --follow --json`, or alert on the metrics";
constexpr const char* scheduling =
    "not needed: the advertisements come from a process of their own that never waits";
constexpr const char* snmp = "no SNMP or D-Bus; use `understudy status --json` and the metrics";
constexpr const char* fifo = "no FIFO; read `understudy events --follow --json` instead";
constexpr const char* network_setup =
    "not moved by VRRP, so not by understudy: put it into the network configuration of the host";
constexpr const char* files =
    "not needed: nothing is written to such files; ask `understudy status --json`";
constexpr const char* firewall =
    "not needed: understudy makes its own nftables table where it needs one";
constexpr const char* reloads =
    "not needed: a reload takes a valid file as a whole, and an invalid one changes nothing";
constexpr const char* buffers = "not needed: buffers are sized by the agent";

constexpr std::array top_rows = {
    Row{"virtual_server virtual_server_group real_server SSL", warning, lvs},
    Row{"static_ipaddress static_routes static_rules", warning, network_setup},
    Row{"track_group", warning, "it tracks static addresses and routes, which are not converted"},
    Row{"garp_group", note, announces},
    Row{"linkbeat_interfaces linkbeat_use_polling", note,
        "links are followed by the kernel's messages only"},
    Row{"interface_up_down_delays", warning,
        "no delay for links; write a [check] of type interface with rise and fall, and track it"},
    Row{"bfd_instance", warning,
        "no BFD; nearest is a [check] of type icmp to the neighbour with a short interval"},
    Row{"net_namespace net_namespace_ipvs namespace_with_ipsets", warning,
        "start the agent in the namespace: ip netns exec NAME, or NetworkNamespacePath= in its "
        "unit"},
    Row{"instance use_pid_dir", note,
        "several agents on one machine have a --runtime-dir each; there are no pid files"},
    Row{"child_wait_time", note, not_needed},
};

constexpr std::array global_rows = {
    Row{"router_id", note, "the node is called as its host; [agent] name = ... is another name"},
    Row{"notification_email notification_email_from smtp_server smtp_helo_name "
        "smtp_connect_timeout smtp_alert smtp_alert_vrrp smtp_alert_checker no_email_faults "
        "no_checker_emails",
        note, mail},
    Row{"vrrp_garp_master_delay vrrp_garp_master_repeat vrrp_garp_lower_prio_delay "
        "vrrp_garp_lower_prio_repeat vrrp_garp_master_refresh vrrp_garp_master_refresh_repeat "
        "vrrp_garp_interval vrrp_gna_interval vrrp_min_garp vrrp_garp_extra_if",
        note, announces},
    Row{"vrrp_lower_prio_no_advert vrrp_higher_prio_send_advert", note,
        "not needed: the loser of an election says so with one last advertisement, and the winner "
        "announces again"},
    Row{"vrrp_skip_check_adv_addr", note,
        "not needed: another list of addresses is logged, never a reason to discard"},
    Row{"vrrp_check_unicast_src", note, "always so: only unicast_peer addresses are listened to"},
    Row{"enable_script_security", note,
        "scripts run as script_user, and never as root unless that is written"},
    Row{"use_symlink_paths set_supplementary_groups", note, not_needed},
    Row{"dynamic_interfaces", note, "always so: an interface may come and go"},
    Row{"log_unknown_vrids", note, "advertisements of unknown routers are not logged"},
    Row{"vrrp_mcast_group4 vrrp_mcast_group6", warning,
        "the multicast groups are those of the RFC, 224.0.0.18 and ff02::12; with others the nodes "
        "do not hear each other: change it on all nodes first, or use unicast_peer"},
    Row{"vrrp_down_timer_adverts", warning,
        "always 3, as in the RFC; set it to 3 on the other nodes before they meet this one"},
    Row{"nftables nftables_priority nftables_counters nftables_ifindex vrrp_iptables vrrp_ipsets",
        note, firewall},
    Row{"disable_local_igmp vmac_prefix vmac_addr_prefix", note,
        "there are no virtual MAC devices in this version"},
    Row{"max_auto_priority min_auto_priority_delay vrrp_priority vrrp_rt_priority "
        "vrrp_rlimit_rttime vrrp_cpu_affinity vrrp_no_swap bfd_priority bfd_rt_priority "
        "bfd_rlimit_rttime bfd_cpu_affinity bfd_no_swap",
        note, scheduling},
    Row{"checker_priority checker_rt_priority checker_rlimit_rttime checker_cpu_affinity "
        "checker_no_swap checker_log_all_failures lvs_sync_daemon lvs_timeouts lvs_flush "
        "lvs_flush_on_stop lvs_netlink_cmd_rcv_bufs lvs_netlink_cmd_rcv_bufs_force "
        "lvs_netlink_monitor_rcv_bufs lvs_netlink_monitor_rcv_bufs_force nftables_ipvs "
        "nftables_ipvs_priority nftables_ipvs_start_fwmark rs_init_notifies lvs_notify_fifo "
        "lvs_notify_fifo_script snmp_vs_stats_update_interval snmp_rs_stats_update_interval "
        "lvs_id",
        note, lvs},
    Row{"snmp_socket enable_snmp_vrrp enable_snmp_keepalived enable_snmp_checker enable_snmp_rfc "
        "enable_snmp_rfcv2 enable_snmp_rfcv3 enable_traps enable_dbus dbus_service_name "
        "dbus_no_interface_name",
        note, snmp},
    Row{"notify_fifo notify_fifo_script vrrp_notify_fifo vrrp_notify_fifo_script "
        "vrrp_notify_priority_changes fifo_write_vrrp_states_on_reload",
        warning, fifo},
    Row{"startup_script startup_script_timeout shutdown_script shutdown_script_timeout", warning,
        "use ExecStartPre= and ExecStopPost= in a drop-in of understudyd.service"},
    Row{"vrrp_netlink_cmd_rcv_bufs vrrp_netlink_cmd_rcv_bufs_force vrrp_netlink_monitor_rcv_bufs "
        "vrrp_netlink_monitor_rcv_bufs_force process_monitor_rcv_bufs "
        "process_monitor_rcv_bufs_force vrrp_rx_bufs_policy vrrp_rx_bufs_multiplier",
        note, buffers},
    Row{"reload_check_config reload_time_file reload_repeat reload_file include_check", note,
        reloads},
    Row{"tmp_config_directory config_save_dir data_use_instance state_dump_file stats_dump_file "
        "json_dump_file json_version umask process_names process_name vrrp_process_name "
        "checker_process_name bfd_process_name random_seed default_interface",
        note, files},
};

constexpr std::array instance_rows = {
    Row{"garp_master_delay garp_master_repeat garp_lower_prio_delay garp_lower_prio_repeat "
        "garp_master_refresh garp_master_refresh_repeat garp_extra_if garp_extra_if_vmac "
        "vmac_garp_intvl",
        note, announces},
    Row{"lower_prio_no_advert higher_prio_send_advert", note,
        "not needed: the loser of an election says so with one last advertisement, and the winner "
        "announces again"},
    Row{"use_vmac use_vmac_addr vmac_xmit_base use_ipvlan", warning,
        "no virtual MAC in this version: the addresses are reached at the interface's own MAC, and "
        "every move announces it"},
    Row{"native_ipv6", note, "not needed: the addresses say so"},
    Row{"dont_track_primary", warning,
        "a node whose interface has no carrier is always in fault: it could not be reached there"},
    Row{"linkbeat_use_polling", note, "links are followed by the kernel's messages only"},
    Row{"mcast_src_ip", warning,
        "multicast advertisements come from the interface's first address; ties are broken by it"},
    Row{"mcast_dst_ip", warning,
        "the multicast groups are those of the RFC; with another one the nodes do not hear each "
        "other: use unicast_peer"},
    Row{"track_src_ip", note, "always so: without a source address the node is in fault"},
    Row{"vrf", warning, "no VRF without an interface; name the interface"},
    Row{"check_unicast_src", note, "always so: only unicast_peer addresses are listened to"},
    Row{"unicast_fault_no_peer", note, "always so: there is no falling back to multicast"},
    Row{"old_unicast_checksum", warning,
        "the checksum of keepalived 1.3.6 and older is not spoken; upgrade that node first"},
    Row{"down_timer_adverts", warning,
        "always 3, as in the RFC; set it to 3 on the other nodes before they meet this one"},
    Row{"skip_check_adv_addr", note,
        "not needed: another list of addresses is logged, never a reason to discard"},
    Row{"owner_ignore_adverts", note, "the owner follows the RFC"},
    Row{"timer_expired_backup thread_timer_expired", note,
        "always so: who was held up for too long stands down before anything else"},
    Row{"promote_secondaries", note,
        "not needed: an address that the kernel removes with another one is put back at once"},
    Row{"virtual_routes", warning,
        "no routes move with a VIP; give both nodes the route in a table of its own, or let "
        "on_active "
        "and on_backup start and stop a unit that sets it (scripts may not change the network)"},
    Row{"virtual_rules", warning,
        "no rules move with a VIP; most can stay on both nodes, in the network configuration"},
    Row{"track_bfd", warning,
        "no BFD; nearest is a [check] of type icmp to the neighbour with a short interval"},
    Row{"auth_hmac", warning,
        "not spoken: a peer that enforces it discards every advertisement of understudy; set its "
        "mode to receive-only on all nodes first"},
    Row{"lvs_sync_daemon_interface lvs_sync_daemon_inteface lvs_sync_daemon", note, lvs},
    Row{"notify_master_rx_lower_pri", warning,
        "no such event; a rival is in `understudy events`, and addresses are announced again"},
    Row{"notify_priority_changes", note, fifo},
    Row{"smtp_alert", note, mail},
    Row{"debug kernel_rx_buf_size", note, not_needed},
    Row{"no_virtual_ipaddress", warning, "a VIP without an address is an error here"},
};

constexpr std::array group_rows = {
    Row{"smtp_alert", note, mail},
    Row{"notify_priority_changes", note, fifo},
    Row{"global_tracking", note, "what one member needs is tracked by all of them"},
    Row{"track_bfd", warning,
        "no BFD; nearest is a [check] of type icmp to the neighbour with a short interval"},
};

constexpr std::array process_rows = {
    Row{"fork_delay terminate_delay delay", note,
        "processes are looked for every half second; rise and fall say how often in a row"},
    Row{"param_match", note, "a process is known by its name alone"},
    Row{"full_command", warning, "a process is known by its name, not by its command line"},
};

constexpr std::array file_rows = {
    Row{"init_file", warning,
        "the file is not made: it has to exist when the agent starts, or the check is down"},
};

using Table = std::map<std::string, Advice, std::less<>>;

template <std::size_t size>
Table table_of(const std::array<Row, size>& rows) {
    Table table;
    for (const Row& row : rows) {
        std::istringstream words(row.keywords);
        for (std::string word; words >> word;) {
            table[word] = {row.severity, row.text};
        }
    }
    return table;
}

const Table& table_for(Context context) {
    static const std::map<Context, Table> tables = {
        {Context::top, table_of(top_rows)},
        {Context::global, table_of(global_rows)},
        {Context::instance, table_of(instance_rows)},
        {Context::group, table_of(group_rows)},
        {Context::script, {}},
        {Context::process, table_of(process_rows)},
        {Context::file, table_of(file_rows)},
    };
    return tables.at(context);
}

}  // namespace

void advise(Context context, const Statement& statement, Notes& notes) {
    const Table& table = table_for(context);
    const auto found = table.find(statement.keyword());
    if (found != table.end()) {
        notes.add(found->second.severity, statement.place,
                  statement.text() + ": " + found->second.text);
        return;
    }
    notes.add(Severity::warning, statement.place,
              statement.text() + ": this keyword is not known here; nothing came of it");
}

}  // namespace understudy::importer
