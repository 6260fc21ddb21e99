//! `GET /api/v1/individuals`: networks, sorted, filtered, page by page.

use crate::http::{
    answer::{Answer, Asked, Problem},
    archive::Shelf,
    ledger::Known,
    watched::Watched,
};
use axum::{Json, extract::State};
use hatchery_actors::protocol::{IndividualId, Maker};
use hatchery_models::training::outcome::Outcome;
use serde::{Deserialize, Serialize};
use std::{cmp::Ordering, sync::Arc};
use utoipa::ToSchema;

/// Networks of a page.
const LIMIT_MAX: usize = 500;
/// The greatest whole number that JSON's readers agree on.
const WHOLE_MAX: u64 = (1 << 53) - 1;
/// Networks of a page where nothing is said.
const LIMIT: usize = 50;
/// Characters of a text that is looked for.
const TEXT_CHARS_MAX: usize = 200;

/// Which networks, in which order.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct IndividualsQuery {
    /// `id`, `score`, `loss`, `parameters`, `multiply_adds`, `seconds` or `born_s`; with `-` before it the greatest come
    /// first. Networks that have none come last.
    #[serde(default)]
    #[param(pattern = "^(-?(id|score|loss|parameters|multiply_adds|seconds|born_s))?$")]
    sort: Option<String>,
    /// How its evaluation in the search ended, for example `completed`.
    #[serde(default)]
    #[param(
        pattern = "^(completed|stopped|diverged|degenerate|out_of_memory|timed_out|crashed|worker_lost)?$"
    )]
    outcome: Option<String>,
    /// Who made it: `breeder`, `refiner` or `user`.
    #[serde(default)]
    #[param(pattern = "^(breeder|refiner|user)?$")]
    maker: Option<String>,
    /// At least so good.
    #[serde(default)]
    min_score: Option<f64>,
    /// At most so large.
    #[serde(default)]
    #[param(maximum = 9_007_199_254_740_991_u64)]
    max_parameters: Option<u64>,
    /// Contained in the line that says what it is.
    #[serde(default)]
    #[param(max_length = 200)]
    q: Option<String>,
    /// At most so many, up to 500; 50 where nothing is said.
    #[serde(default)]
    #[param(minimum = 0, maximum = 500)]
    limit: Option<usize>,
    /// So many are passed over.
    #[serde(default)]
    #[param(maximum = 4_294_967_295_u64)]
    offset: Option<u32>,
}

/// A page of networks.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct IndividualsAnswer {
    /// How many there are in all that are asked for.
    total: usize,
    items: Vec<ItemAnswer>,
}

/// A network.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ItemAnswer {
    pub id: u64,
    /// Best validation score of the search; `null` where there is none to compare by.
    pub score: Option<f64>,
    pub loss: Option<f64>,
    pub parameters: u64,
    pub multiply_adds: u64,
    /// How its evaluation in the search ended; `null` where it has not.
    pub outcome: Option<String>,
    pub maker: String,
    /// When it was born, in seconds since the run began.
    pub born_s: f64,
    /// How long it trained in the search.
    pub seconds: Option<f64>,
    /// What it is, in a line.
    pub summary: String,
}

/// Networks, sorted and filtered.
#[utoipa::path(get, path = "/api/v1/individuals", tag = "individuals", params(IndividualsQuery),
    responses((status = 200, body = IndividualsAnswer), (status = 400, body = crate::http::answer::ErrorAnswer)))]
pub async fn individuals(
    State(watched): State<Arc<Watched>>,
    Asked(query): Asked<IndividualsQuery>,
) -> Answer<IndividualsAnswer> {
    let wish = Wish::of(query)?;
    watched.archive.ask(move |shelf| wish.page(shelf)).await.map(Json)
}

/// A query that makes sense.
struct Wish {
    key: Key,
    descending: bool,
    outcome: Option<Outcome>,
    maker: Option<Maker>,
    min_score: Option<f64>,
    max_parameters: Option<u64>,
    text: Option<String>,
    limit: usize,
    offset: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Id,
    Score,
    Loss,
    Parameters,
    MultiplyAdds,
    Seconds,
    Born,
}

impl Key {
    const ALL: [(&'static str, Self); 7] = [
        ("id", Self::Id),
        ("score", Self::Score),
        ("loss", Self::Loss),
        ("parameters", Self::Parameters),
        ("multiply_adds", Self::MultiplyAdds),
        ("seconds", Self::Seconds),
        ("born_s", Self::Born),
    ];

    fn of(self, known: &Known) -> Option<f64> {
        let value = match self {
            Self::Id => Some(known.id as f64),
            Self::Score => known.result.and_then(|result| result.score),
            Self::Loss => known.result.and_then(|result| result.loss),
            Self::Parameters => Some(known.parameters as f64),
            Self::MultiplyAdds => Some(known.multiply_adds as f64),
            Self::Seconds => known.result.map(|result| result.seconds),
            Self::Born => Some(known.born_s),
        };
        value.filter(|value| value.is_finite())
    }
}

impl Wish {
    fn of(query: IndividualsQuery) -> Result<Self, Problem> {
        // An empty text is a field of a form that nobody has filled in.
        let said = |text: Option<String>| text.filter(|text| !text.is_empty());
        let (sort, outcome, maker) = (said(query.sort), said(query.outcome), said(query.maker));
        let sort = sort.as_deref().unwrap_or("-score");
        let (descending, name) = sort.strip_prefix('-').map_or((false, sort), |name| (true, name));
        let key = one_of("sort", name, Key::ALL)?;
        let outcomes = Outcome::ALL.map(|outcome| (outcome.word(), outcome));
        let makers = Maker::ALL.map(|maker| (maker.word(), maker));
        let outcome = outcome.map(|word| one_of("outcome", &word, outcomes)).transpose()?;
        let maker = maker.map(|word| one_of("maker", &word, makers)).transpose()?;
        let limit = query.limit.unwrap_or(LIMIT);
        if limit > LIMIT_MAX {
            return Err(Problem::bad_request(
                format!("limit is at most {LIMIT_MAX}"),
                "ask page by page, with offset",
            ));
        }
        let text = said(query.q);
        if text.as_ref().is_some_and(|text| text.chars().count() > TEXT_CHARS_MAX) {
            let message = format!("q has at most {TEXT_CHARS_MAX} characters");
            return Err(Problem::bad_request(message, "look for less"));
        }
        if query.max_parameters.is_some_and(|most| most > WHOLE_MAX) {
            let message = format!("max_parameters is at most {WHOLE_MAX}");
            return Err(Problem::bad_request(message, "leave it out, where any size will do"));
        }
        let (min_score, max_parameters) = (query.min_score, query.max_parameters);
        let offset = query.offset.unwrap_or(0) as usize;
        Ok(Self { key, descending, outcome, maker, min_score, max_parameters, text, limit, offset })
    }

    fn page(&self, shelf: &Shelf) -> Result<IndividualsAnswer, Problem> {
        let matching = match &self.text {
            Some(text) => Some(shelf.reader.matching(text).map_err(|error| Problem::journal(&error))?),
            None => None,
        };
        let is_matching = |known: &Known| {
            matching.as_ref().is_none_or(|ids| ids.binary_search(&IndividualId(known.id)).is_ok())
        };
        let known = shelf.ledger.individuals().iter();
        let mut found: Vec<(Option<f64>, &Known)> = known
            .filter(|known| self.takes(known) && is_matching(known))
            .map(|known| (self.key.of(known), known))
            .collect();
        found.sort_by(|one, other| self.order(*one, *other));
        let items = found.iter().skip(self.offset).take(self.limit).map(|(_, known)| item(shelf, known));
        Ok(IndividualsAnswer { total: found.len(), items: items.collect::<Result<_, _>>()? })
    }

    fn takes(&self, known: &Known) -> bool {
        let result = known.result;
        let score = result.and_then(|result| result.score);
        self.outcome.is_none_or(|outcome| result.is_some_and(|result| result.outcome == outcome))
            && self.maker.is_none_or(|maker| known.maker == maker)
            && self.min_score.is_none_or(|min| score.is_some_and(|score| score >= min))
            && self.max_parameters.is_none_or(|max| known.parameters <= max)
    }

    /// Of equals, the smaller one comes first, then the elder.
    fn order(
        &self,
        (one, known): (Option<f64>, &Known),
        (other, other_known): (Option<f64>, &Known),
    ) -> Ordering {
        let by_value = match (one, other) {
            (Some(one), Some(other)) if self.descending => other.total_cmp(&one),
            (Some(one), Some(other)) => one.total_cmp(&other),
            (one, other) => other.is_some().cmp(&one.is_some()),
        };
        by_value.then(known.parameters.cmp(&other_known.parameters)).then(known.id.cmp(&other_known.id))
    }
}

fn one_of<T: Copy, const N: usize>(what: &str, word: &str, all: [(&str, T); N]) -> Result<T, Problem> {
    let found = all.iter().find(|(name, _)| *name == word).map(|(_, value)| *value);
    found.ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
        Problem::bad_request(
            format!("{what} cannot be {word:?}"),
            format!("it is one of {}", names.join(", ")),
        )
    })
}

/// One network of a list.
pub fn item(shelf: &Shelf, known: &Known) -> Result<ItemAnswer, Problem> {
    let born = shelf.reader.born(IndividualId(known.id)).map_err(|error| Problem::journal(&error))?;
    let result = known.result;
    Ok(ItemAnswer {
        id: known.id,
        score: result.and_then(|result| result.score),
        loss: result.and_then(|result| result.loss).filter(|loss| loss.is_finite()),
        parameters: known.parameters,
        multiply_adds: known.multiply_adds,
        outcome: result.map(|result| result.outcome.word().to_owned()),
        maker: known.maker.word().to_owned(),
        born_s: known.born_s,
        seconds: result.map(|result| result.seconds),
        summary: born.map(|born| born.summary).unwrap_or_default(),
    })
}
