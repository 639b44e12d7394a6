#include "agent/web/serve.hpp"

#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <deque>

#include "agent/web/site.hpp"
#include "base/system_error.hpp"

namespace understudy::web {

namespace {

// Whose members may ask the agent (status.sock), and nothing more.
constexpr const char* readers_group = "understudy-status";
constexpr const char* nobody = "nobody";

// Root still owns its files, the agent's sockets among them; it can do nothing else that others
// cannot.
std::string drop_capabilities() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    const std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> none{};
    return syscall(SYS_capset, &header, none.data()) == 0
               ? ""
               : system_error_text("cannot give up the capabilities of root");
}

// What parses what strangers send should have no rights. As root: becomes nobody in the group that
// may ask. Returns an error, or nothing.
std::string drop_rights(std::ostream& notes) {
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (geteuid() != 0) {
        return {};
    }
    const group* readers = getgrnam(readers_group);
    const passwd* user = getpwnam(nobody);
    if (readers == nullptr || user == nullptr) {
        notes << "understudy: serves as root without capabilities, since there is no group "
              << readers_group << " to become a member of\n"
              << std::flush;
        return drop_capabilities();
    }
    const gid_t group = readers->gr_gid;
    if (setgroups(1, &group) != 0 || setresgid(group, group, group) != 0 ||
        setresuid(user->pw_uid, user->pw_uid, user->pw_uid) != 0) {
        return system_error_text("cannot give up the rights of root");
    }
    return {};
}

class EndingSignals {
public:
    // Before any thread, so that none of them gets one.
    EndingSignals() {
        sigemptyset(&set_);
        sigaddset(&set_, SIGTERM);
        sigaddset(&set_, SIGINT);
        pthread_sigmask(SIG_BLOCK, &set_, nullptr);
        // As process 1 of a container it becomes the parent of orphans, and starts no process
        // itself: the kernel reaps them all.
        struct sigaction children{};
        children.sa_handler = SIG_DFL;
        children.sa_flags = SA_NOCLDWAIT;
        sigaction(SIGCHLD, &children, nullptr);
    }
    void wait() const {
        int signal = 0;
        sigwait(&set_, &signal);
    }

private:
    sigset_t set_{};
};

}  // namespace

std::string serve(const ServeSettings& settings, std::ostream& notes) {
    const EndingSignals signals;
    std::deque<ListenAddress> addresses(settings.listen.begin(), settings.listen.end());
    // Bound with the rights that there were; everything else is without.
    std::deque<HttpServer> servers;
    for (ListenAddress& address : addresses) {
        if (std::string error = servers.emplace_back().bind(address); !error.empty()) {
            return error;
        }
    }
    if (std::string error = drop_rights(notes); !error.empty()) {
        return error;
    }
    AgentFeed feed{settings.runtime_dir};
    PeerWatch peers{settings.peers};
    Site site{feed, peers};
    for (HttpServer& server : servers) {
        site.install(server);
        server.start();
    }
    for (const ListenAddress& address : addresses) {
        notes << "understudy: serves http://" << address.to_string() << "/\n" << std::flush;
    }
    signals.wait();
    feed.stop();
    peers.stop();
    for (HttpServer& server : servers) {
        server.stop();
    }
    return {};
}

}  // namespace understudy::web
