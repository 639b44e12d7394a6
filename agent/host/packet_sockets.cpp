#include "agent/host/packet_sockets.hpp"

#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#include <cerrno>
#include <cstdlib>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/host/announcement.hpp"
#include "agent/host/owner_socket.hpp"
#include "base/system_error.hpp"

namespace understudy::host {

namespace {

// The names with the service manager (FDNAME=).
constexpr const char* frames_name = "frames";
constexpr const char* owners_name = "owners";

struct ProberKind {
    const char* name;
    int (*open)();
    int checks::RawDescriptors::* place;
};
constexpr std::array prober_kinds = {
    ProberKind{"echo4", checks::open_echo_v4, &checks::RawDescriptors::echo_v4},
    ProberKind{"echo6", checks::open_echo_v6, &checks::RawDescriptors::echo_v6},
    ProberKind{"arp", checks::open_arp, &checks::RawDescriptors::arp},
};

// Into the first free place of its kind; closed if there is none.
void place(HandedSockets& sockets, std::string_view name, FileDescriptor fd) {
    for (const auto& [known, kept] : {std::pair{frames_name, &sockets.heartbeat.frames},
                                      std::pair{owners_name, &sockets.heartbeat.owners}}) {
        if (name == known && !kept->is_open()) {
            *kept = std::move(fd);
            return;
        }
    }
    for (const ProberKind& kind : prober_kinds) {
        for (checks::RawDescriptors& set : sockets.probers) {
            if (name == kind.name && set.*kind.place < 0) {
                set.*kind.place = fd.release();
                return;
            }
        }
    }
}

// What the manager keeps from an earlier start is let go: its filters may be an older version's.
std::string leave(const char* name, std::span<const int> fds) {
    const std::string tail = std::string{"FDNAME="} + name;
    int answer = sd_notify(0, ("FDSTOREREMOVE=1\n" + tail).c_str());
    if (answer > 0 && !fds.empty()) {
        // FDPOLL=0: kept as they are, whatever the kernel reports of the links.
        answer = sd_pid_notify_with_fds(0, 0, ("FDSTORE=1\nFDPOLL=0\n" + tail).c_str(), fds.data(),
                                        static_cast<unsigned>(fds.size()));
    }
    if (answer == 0) {
        return "there is no service manager: --open-sockets is for ExecStartPre= of "
               "understudyd.service";
    }
    return answer < 0 ? system_error_text(std::string{"cannot leave socket "} + name +
                                              " with the service manager",
                                          -answer)
                      : "";
}

std::string refused(const char* name) {
    return system_error_text(std::string{"cannot open socket "} + name);
}

}  // namespace

std::vector<int> all_of(const ProberSockets& sockets) {
    std::vector<int> fds;
    for (const checks::RawDescriptors& set : sockets) {
        fds.insert(fds.end(), {set.echo_v4, set.echo_v6, set.arp});
    }
    return fds;
}

HandedSockets take_handed_sockets() {
    HandedSockets sockets;
    char** names = nullptr;
    const int count = sd_listen_fds_with_names(1, &names);
    for (int i = 0; i < count; ++i) {
        place(sockets, names[i], FileDescriptor{SD_LISTEN_FDS_START + i});
        std::free(names[i]);
    }
    std::free(names);
    return sockets;
}

PacketSockets open_packet_sockets(PacketSockets handed) {
    if (!handed.frames.is_open()) {
        handed.frames = open_frame_socket();
    }
    if (!handed.owners.is_open()) {
        handed.owners = open_owner_socket();
    }
    for (const FileDescriptor* socket : {&handed.frames, &handed.owners}) {
        if (!socket->is_open()) {
            throw_system_error("cannot open a packet socket");
        }
    }
    return handed;
}

std::string leave_sockets_with_manager() {
    for (const auto& [name, open] :
         {std::pair{frames_name, &open_frame_socket}, std::pair{owners_name, &open_owner_socket}}) {
        const FileDescriptor fd = open();
        if (!fd.is_open()) {
            return refused(name);
        }
        const int number = fd.get();
        if (std::string error = leave(name, {&number, 1}); !error.empty()) {
            return error;
        }
    }
    for (const ProberKind& kind : prober_kinds) {
        std::array<FileDescriptor, prober_sets> owned;
        std::vector<int> fds;
        for (FileDescriptor& fd : owned) {
            fd = FileDescriptor{kind.open()};
            if (fd.is_open()) {
                fds.push_back(fd.get());
            } else if (errno != EAFNOSUPPORT) {
                return refused(kind.name);
            }
        }
        if (std::string error = leave(kind.name, fds); !error.empty()) {
            return error;
        }
    }
    // They must have arrived before this process has gone, which is how they are told apart.
    constexpr std::uint64_t microseconds = 5'000'000;
    const int answer = sd_notify_barrier(0, microseconds);
    return answer > 0 ? "" : system_error_text("the service manager does not answer", -answer);
}

}  // namespace understudy::host
