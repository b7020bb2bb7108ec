//! Principals with their posts and tokens, as a small subdistrict has them.

use api::staff::v1::{
    AssignChargeRequest, Binding, Charge, CreatePrincipalRequest, IssueTokenRequest, Post, Principal, PrincipalKind,
};

use crate::{Caller, Land, done};

/// One caller for each post on the map of [`Land::squares`].
pub struct People {
    /// Administers everything.
    pub administrator: Caller,
    /// Desk of the subdistrict.
    pub desk: Caller,
    /// Desk of community A.
    pub desk_a: Caller,
    /// Desk of community B.
    pub desk_b: Caller,
    /// Leads community A.
    pub leader_a: Caller,
    /// Grid worker of community A, in charge of it.
    pub worker_a: Caller,
    /// Grid worker of community B, in charge of it.
    pub worker_b: Caller,
    /// Micro-grid worker of A1, in charge of it.
    pub micro_a1: Caller,
    /// A department of the subdistrict.
    pub department: Caller,
    /// Audits the subdistrict.
    pub auditor: Caller,
}

impl People {
    /// Hires all of them and puts the grids into charge.
    pub async fn hire(administrator: &Caller, land: &Land) -> Self {
        let hire = |display_name: &'static str, post: Post, code: &'static str| {
            let area = land.name(code);
            async move { administrator.hire(display_name, &[(post, &area)]).await }
        };
        let people = Self {
            administrator: administrator.clone(),
            desk: hire("街道坐席", Post::SubdistrictDesk, "S").await,
            desk_a: hire("甲社区坐席", Post::CommunityDesk, "A").await,
            desk_b: hire("乙社区坐席", Post::CommunityDesk, "B").await,
            leader_a: hire("甲网格长", Post::GridLeader, "A").await,
            worker_a: hire("甲网格员", Post::GridWorker, "A").await,
            worker_b: hire("乙网格员", Post::GridWorker, "B").await,
            micro_a1: hire("甲一微网格员", Post::MicroGridWorker, "A1").await,
            department: hire("执法中队", Post::Department, "S").await,
            auditor: hire("审计", Post::Auditor, "S").await,
        };
        administrator.put_in_charge(&land.name("A"), &people.worker_a, None).await;
        administrator.put_in_charge(&land.name("B"), &people.worker_b, None).await;
        administrator.put_in_charge(&land.name("A1"), &people.micro_a1, Some(&people.worker_a)).await;
        people
    }

    /// All of them with what they are called in a failure.
    pub fn all(&self) -> [(&'static str, &Caller); 10] {
        [
            ("administrator", &self.administrator),
            ("desk", &self.desk),
            ("desk_a", &self.desk_a),
            ("desk_b", &self.desk_b),
            ("leader_a", &self.leader_a),
            ("worker_a", &self.worker_a),
            ("worker_b", &self.worker_b),
            ("micro_a1", &self.micro_a1),
            ("department", &self.department),
            ("auditor", &self.auditor),
        ]
    }
}

impl Caller {
    /// Makes a person with these posts, and answers it as a caller with a token of its own.
    pub async fn hire(&self, display_name: &str, posts: &[(Post, &str)]) -> Self {
        let binding =
            |&(post, area): &(Post, &str)| Binding { post: post.into(), area: area.to_owned(), ..Default::default() };
        let principal = Principal {
            kind: PrincipalKind::Person.into(),
            display_name: display_name.to_owned(),
            phone: "13812341234".to_owned(),
            bindings: posts.iter().map(binding).collect(),
            ..Default::default()
        };
        let create = CreatePrincipalRequest { principal: Some(principal), ..Default::default() };
        let principal = done(self.staff().create_principal(create).await);
        self.token_for(&principal.name).await
    }

    /// A fresh token for a principal, as a caller who bears it.
    pub async fn token_for(&self, principal: &str) -> Self {
        // Longer than the clock of any test runs.
        let lifetime_s = 366 * 86_400;
        let issue = IssueTokenRequest { principal: principal.to_owned(), lifetime_s };
        let issued = done(self.staff().issue_token(issue).await);
        self.with_token(&issued.token, principal)
    }

    /// Puts an area into a worker's charge.
    pub async fn put_in_charge(&self, area: &str, worker: &Self, stand_in: Option<&Self>) {
        let charge = Charge {
            area: area.to_owned(),
            worker: worker.name.clone(),
            stand_in: stand_in.map(|caller| caller.name.clone()).unwrap_or_default(),
            ..Default::default()
        };
        done(self.staff().assign_charge(AssignChargeRequest { charge: Some(charge), ..Default::default() }).await);
    }
}
