// Reads the two text forms back, by the rules of their specifications, and shares no code with what
// writes them. What breaks a rule is a complaint.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/metrics/exposition.hpp"

namespace understudy::metrics {

struct Sample {
    std::string name;
    std::map<std::string, std::string> labels;
    double value = 0;
};

class ExpositionReader {
public:
    ExpositionReader(const std::string& text, Format format);

    const std::vector<std::string>& complaints() const { return complaints_; }
    const std::vector<Sample>& samples() const { return samples_; }
    const std::map<std::string, std::string>& types() const { return types_; }
    // Of the one sample with these labels, among others.
    std::optional<double> value(const std::string& name,
                                const std::map<std::string, std::string>& labels = {}) const;
    std::size_t count(const std::string& name) const;

private:
    void read_line(const std::string& line);
    void read_comment(const std::string& line);
    void read_sample(const std::string& line);
    bool read_labels(const std::string& line, std::size_t& at, Sample& sample);
    void check_name(const Sample& sample);
    void check_histograms();
    void complain(const std::string& what) { complaints_.push_back(what); }

    Format format_;
    std::string family_;           // the one that is being read
    std::set<std::string> begun_;  // all that were
    std::map<std::string, std::string> types_;
    std::set<std::string> series_;
    std::vector<Sample> samples_;
    std::vector<std::string> complaints_;
};

}  // namespace understudy::metrics
