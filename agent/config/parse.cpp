#include "agent/config/parse.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "agent/config/circles.hpp"
#include "agent/config/section_reader.hpp"
#include "agent/config/validate.hpp"
#include "agent/config/validate_health.hpp"
#include "agent/config/values.hpp"

namespace understudy::config {

namespace {

const std::vector<std::string> section_kinds = {"agent", "vip", "service", "check"};

class Parser {
public:
    explicit Parser(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

    void section(const Section& section);
    // After the last section. `whole` is the place of the file.
    void finish(const Place& whole, const std::string& host_name, HostsFile hosts);
    core::AgentSettings take_agent() { return std::move(agent_); }
    KeyPlaces take_agent_places() { return std::move(agent_places_); }
    std::vector<VipDraft> take_vips() { return std::move(vips_); }
    std::vector<ServiceDraft> take_services() { return std::move(services_); }
    std::vector<CheckDraft> take_checks() { return std::move(checks_); }

private:
    void vip(const Section& section);
    void service(const Section& section);
    void check(const Section& section);
    bool has_good_name(const Section& section);
    void complain(const Place& place, std::string text) {
        diagnostics_.push_back({place, std::move(text), Severity::error});
    }

    Diagnostics& diagnostics_;
    core::AgentSettings agent_;
    KeyPlaces agent_places_;
    std::vector<VipDraft> vips_;
    std::vector<ServiceDraft> services_;
    std::vector<CheckDraft> checks_;
    std::map<std::string, Place> titles_;
    bool has_strange_sections_ = false;
};

void Parser::section(const Section& section) {
    if (std::ranges::find(section_kinds, section.kind) == section_kinds.end()) {
        complain(section.place, "unknown section [" + section.kind + ']' +
                                    did_you_mean(section.kind, section_kinds));
        has_strange_sections_ = true;
        return;
    }
    const bool has_name = has_good_name(section);
    const auto [first, fresh] = titles_.try_emplace(title_of(section), section.place);
    if (has_name && !fresh) {
        complain(section.place,
                 title_of(section) + " is written twice; first at " + to_string(first->second));
    }
    // Whatever is wrong with the title, the keys are read, so that all is said in one go.
    if (section.kind == "vip") {
        vip(section);
    } else if (section.kind == "service") {
        service(section);
    } else if (section.kind == "check") {
        check(section);
    } else {
        agent_places_ = read_keys(section, agent_keys(), agent_, diagnostics_).places;
    }
}

bool Parser::has_good_name(const Section& section) {
    if (section.kind == "agent") {
        if (!section.name.empty()) {
            complain(section.place, "[agent] has no name, so not " + in_quotes(section.name));
        }
        return section.name.empty();
    }
    if (section.name.empty()) {
        complain(section.place,
                 "a [" + section.kind + "] section has a name: [" + section.kind + " web]");
        return false;
    }
    const auto name = parse_name(section.name);
    if (!name) {
        complain(section.place, name.error());
    }
    return name.has_value();
}

void Parser::vip(const Section& section) {
    if (vips_.size() == core::most_vips) {
        complain(section.place,
                 "there are more than " + std::to_string(core::most_vips) + " [vip] sections");
    }
    VipDraft draft;
    draft.settings.name = section.name;
    draft.record = read_keys(section, vip_keys(), draft, diagnostics_);
    complete(draft);
    validate_vip(draft, diagnostics_);
    vips_.push_back(std::move(draft));
}

void Parser::service(const Section& section) {
    ServiceDraft draft;
    draft.settings.name = section.name;
    draft.record = read_keys(section, service_keys(), draft, diagnostics_);
    validate_service(draft, diagnostics_);
    services_.push_back(std::move(draft));
}

void Parser::check(const Section& section) {
    if (checks_.size() == checks::most_checks) {
        complain(section.place, "there are more than " + std::to_string(checks::most_checks) +
                                    " [check] sections");
    }
    CheckDraft draft;
    draft.settings.name = section.name;
    draft.settings.type = type_of(section);
    draft.settings.question = question_of(draft.settings.type);
    draft.record = read_keys(section, check_keys(draft.settings.type), draft, diagnostics_);
    validate_check(draft, diagnostics_);
    checks_.push_back(std::move(draft));
}

void Parser::finish(const Place& whole, const std::string& host_name, HostsFile hosts) {
    validate_node(vips_, diagnostics_);
    validate_references(vips_, services_, checks_, diagnostics_);
    validate_circles(vips_, services_, checks_, hosts, diagnostics_);
    if (vips_.empty() && !has_strange_sections_) {
        complain(whole, "there is no [vip NAME] section: nothing to do");
    }
    if (agent_.name.empty()) {
        agent_.name = host_name;
        if (!parse_name(host_name)) {
            complain(whole, "the host's name " + in_quotes(host_name) +
                                " cannot name the node; write a name in [agent]");
        }
    }
}

// As the lines were read: file by file, and each from its top.
void put_in_order(Diagnostics& diagnostics, const std::vector<std::string>& files) {
    std::map<std::string, std::size_t> order;
    for (const std::string& file : files) {
        order.try_emplace(file, order.size());
    }
    const auto key = [&](const Diagnostic& diagnostic) {
        return std::tuple(order[diagnostic.place.file], diagnostic.place.line,
                          diagnostic.place.column);
    };
    std::ranges::stable_sort(diagnostics, {}, key);
    if (diagnostics.size() > most_diagnostics) {
        const std::size_t more = diagnostics.size() - most_diagnostics;
        const bool has_error = has_errors(diagnostics);
        diagnostics.resize(most_diagnostics);
        diagnostics.push_back({diagnostics.back().place,
                               "and " + std::to_string(more) + " more problems",
                               has_error ? Severity::error : Severity::warning});
    }
}

}  // namespace

Result parse_text(const std::string& file_name, std::string_view text, const std::string& host_name,
                  const Surroundings& surroundings) {
    Result result;
    const Source source = read_source(file_name, text, surroundings, result.diagnostics);
    Parser parser(result.diagnostics);
    for (const Section& section : source.sections) {
        parser.section(section);
    }
    parser.finish({file_name, 1, 1}, host_name, HostsFile{surroundings});
    put_in_order(result.diagnostics, source.files);
    result.files = source.files;
    const bool valid = !has_errors(result.diagnostics);
    core::Configuration configuration{parser.take_agent(), {}, {}, {}};
    result.agent = parser.take_agent_places();
    for (VipDraft& vip : parser.take_vips()) {
        result.vips.try_emplace(vip.settings.name, std::move(vip.record.places));
        configuration.vips.push_back(std::move(vip.settings));
    }
    for (ServiceDraft& service : parser.take_services()) {
        result.services.try_emplace(service.settings.name, std::move(service.record.places));
        configuration.services.push_back(std::move(service.settings));
    }
    for (CheckDraft& check : parser.take_checks()) {
        result.checks.try_emplace(check.settings.name, std::move(check.record.places));
        configuration.checks.push_back(std::move(check.settings));
    }
    if (valid) {
        result.configuration = std::move(configuration);
    }
    return result;
}

Result read_file(const std::filesystem::path& file) {
    const Surroundings surroundings = real_surroundings();
    std::string error;
    const auto text = surroundings.read(file.string(), error);
    if (!text) {
        const Place whole{file.string(), 1, 1};
        Result result;
        result.diagnostics.push_back({whole, error, Severity::error});
        return result;
    }
    std::array<char, 256> host{};
    gethostname(host.data(), host.size() - 1);
    return parse_text(file.string(), *text, host.data(), surroundings);
}

}  // namespace understudy::config
