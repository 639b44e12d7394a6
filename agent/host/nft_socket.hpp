// nf_tables over netlink, for what has to be quick or to be seen.
//
// libnftables takes 10 to 30 ms for anything: it reads files, and the kernel waits until every
// processor has let go of what was changed (synchronize_rcu) when its socket is closed, or a change
// is refused. This is one socket for a whole life.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "agent/host/file_descriptor.hpp"

struct nl_msg;
struct nlmsghdr;

namespace understudy::host {

// A key of a set, as the kernel has it: fields of multiples of four bytes.
using SetKey = std::vector<std::byte>;

class NftSocket {
public:
    struct FreeMessage {
        void operator()(nl_msg* message) const;
    };
    using Message = std::unique_ptr<nl_msg, FreeMessage>;

    // Without nf_tables in the kernel everything fails.
    NftSocket();
    // Its netlink address, by which its changes are known.
    std::uint32_t port() const;

    // --- one transaction: all of it or nothing ---
    void empty_set(std::uint8_t family, const char* set);
    void add_elements(std::uint8_t family, const char* set, const std::set<SetKey>& keys);
    void delete_elements(std::uint8_t family, const char* set, const std::set<SetKey>& keys);
    // 0, or why the kernel refuses it (errno).
    int commit();

    // --- what there is; takes no lock ---
    std::set<SetKey> elements(std::uint8_t family, const char* set);
    // What a table consists of: changes when somebody deletes, adds or replaces anything in it but
    // the elements of a set. Nothing: there is no such table.
    std::optional<std::set<std::string>> parts_of_table(std::uint8_t family);

private:
    using Visit = std::function<void(nlmsghdr&)>;
    bool ask(const Message& question, const Visit& visit);
    void append(const Message& message);
    void change_elements(int type, std::uint8_t family, const char* set,
                         const std::set<SetKey>& keys);

    FileDescriptor socket_;
    std::vector<std::byte> batch_;
    std::vector<std::byte> answer_;
};

// Hears of every change of nf_tables in this network namespace.
class NftWatch {
public:
    struct Change {
        bool of_our_tables = false;
        bool overrun = false;  // what it was about is lost
        std::string process;   // who, as the kernel names it
        int pid = 0;           // as the first PID namespace numbers it
    };
    NftWatch();
    // What this one changes is not told.
    void ignore(std::uint32_t port) { ignored_ = port; }
    int fd() const { return socket_.get(); }
    // What has happened since; one entry for each transaction. Never blocks.
    std::vector<Change> read();

private:
    void look_at(nlmsghdr& message, std::vector<Change>& changes);

    FileDescriptor socket_;
    std::uint32_t ignored_ = 0;
    bool touched_ = false;  // our tables, by the transaction that is being told
    std::vector<std::byte> buffer_;
};

}  // namespace understudy::host
