#include "agent/web/serve.hpp"

#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

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

// What parses what strangers send has no rights. As root: becomes nobody in the group that may ask,
// or does not serve. Returns an error, or nothing.
std::string drop_rights() {
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (geteuid() != 0) {
        return {};
    }
    const group* readers = getgrnam(readers_group);
    const passwd* user = getpwnam(nobody);
    if (readers == nullptr || user == nullptr) {
        return std::string{"does not serve as root, and cannot become "} + nobody +
               " in the group " + readers_group +
               ", because one of them does not exist: run systemd-sysusers, or start it as another "
               "user";
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
    const AllowedHosts hosts{settings.hosts};
    std::deque<HttpServer> servers;
    for (ListenAddress& address : addresses) {
        if (std::string error = servers.emplace_back(hosts).bind(address); !error.empty()) {
            return error;
        }
    }
    if (std::string error = drop_rights(); !error.empty()) {
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
