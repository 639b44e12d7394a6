// serve: the status page of this node, until it is told to end.
#include "agent/cli/commands.hpp"
#include "agent/web/allowed_hosts.hpp"
#include "agent/web/peer_watch.hpp"
#include "agent/web/serve.hpp"

namespace understudy::cli {

int run_serve(const Arguments& arguments, const Console& console) {
    web::ServeSettings settings{arguments.runtime_dir, {}, arguments.peers, arguments.hosts};
    std::vector<std::string> listen = arguments.listen;
    if (listen.empty()) {
        listen = {web::default_listen};
    }
    for (const std::string& text : listen) {
        auto address = web::ListenAddress::parse(text);
        if (!address) {
            return console.fail(false, exit_usage, "--listen: " + address.error());
        }
        settings.listen.push_back(*address);
    }
    for (const std::string& url : arguments.peers) {
        if (const std::string wrong = web::PeerWatch::complaint_about(url); !wrong.empty()) {
            return console.fail(false, exit_usage, "--peer: " + wrong);
        }
    }
    for (const std::string& name : arguments.hosts) {
        if (const std::string wrong = web::complaint_about_host(name); !wrong.empty()) {
            return console.fail(false, exit_usage, "--host: " + wrong);
        }
    }
    if (arguments.peers.size() > web::most_peers) {
        return console.fail(false, exit_usage, "--peer: more than fifteen");
    }
    const std::string error = web::serve(settings, console.err);
    return error.empty() ? exit_done : console.fail(false, exit_failed, error);
}

}  // namespace understudy::cli
