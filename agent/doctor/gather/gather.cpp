#include "agent/doctor/gather/gather.hpp"

#include <fstream>
#include <sstream>
#include <utility>

#include "agent/config/parse.hpp"
#include "agent/config/this_node.hpp"

namespace understudy::doctor {

std::string content_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream content;
    content << file.rdbuf();
    return std::move(content).str();
}

std::string value_in(const std::string& text, const std::string& key, char separator) {
    std::istringstream lines(text);
    std::string value;
    for (std::string line; std::getline(lines, line);) {
        const auto end = line.find(separator);
        const std::string ends{' ', '\t', separator};
        if (end != std::string::npos && line.substr(0, line.find_first_of(ends)) == key) {
            const auto start = line.find_first_not_of(" \t", end + 1);
            value = start == std::string::npos ? "" : line.substr(start);
        }
    }
    return value;
}

Facts gather(const std::string& file, const std::string& runtime_dir) {
    Facts facts;
    facts.file = file;
    facts.runtime_dir = runtime_dir;
    config::Result result = config::read_file(file);
    facts.diagnostics = result.diagnostics;
    facts.host = gather_host(runtime_dir);
    gather_agent_process(facts.agent);
    facts.addresses = gather_addresses();
    if (!result.configuration) {
        return facts;
    }
    facts.configuration = result.configuration;
    const config::NodeFile node{file,
                                std::move(*result.configuration),
                                std::move(result.vips),
                                std::move(result.services),
                                std::move(result.checks),
                                std::move(result.agent)};
    const auto missing = config::compare_with_machine(node, config::this_machine());
    facts.diagnostics.insert(facts.diagnostics.end(), missing.begin(), missing.end());
    facts.interfaces = gather_interfaces(*facts.configuration);
    facts.routes = gather_routes();
    facts.firewall = gather_firewall();
    facts.firewall.flushing = gather_flushing_units();
    facts.listening = gather_listening(*facts.configuration, facts.addresses);
    return facts;
}

}  // namespace understudy::doctor
